"""Predictions of large images: in windows, at other scales, flipped."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..registry import Registry
from ..typing import Array


# How test images are predicted: functions of (predict, images) that return scores.
PREDICTIONS: Registry = Registry("way to predict")

Images = Float[Array, "batch h w channels"]
Logits = Float[Array, "batch height width classes"]
Predict = Callable[[Array], Array]


def window_starts(size: int, window: int, stride: int) -> list[int]:
    """Where windows begin along an axis; the last ends where the axis ends.

    As in mmsegmentation: the last window is moved back rather than padded.

    Args:
        size: of the axis.
        window: of the window; if it is longer than the axis there is one window.
        stride: between windows, at most the window's size, or cells are left out.

    Returns:
        First cells, ascending.

    Raises:
        ValueError: for a stride that leaves cells out.

    Example:
        >>> window_starts(1025, 769, 513), window_starts(2049, 769, 513)
        ([0, 256], [0, 513, 1026, 1280])
    """
    if not 1 <= stride <= window:
        raise ValueError(
            f"stride={stride} with window={window}: expected 1 to {window}, so that "
            "every pixel is in a window."
        )
    last = max(size - window, 0)
    return [*range(0, last, stride), last]


@PREDICTIONS.register
def whole(predict: Predict, images: Images) -> Array:
    """The scores of images in one piece."""
    return predict(images)


@PREDICTIONS.register
def sliding(
    predict: Predict, images: Images, *, window: Sequence[int], stride: int
) -> Logits:
    """Logits of images larger than the network was trained on.

    The mean over the windows that hold a pixel. An image that fits in one window is
    predicted whole, at its own size. The windows are looked at one after another, in a
    loop of the program, which therefore holds one network however many there are.

    Args:
        predict: a pure function from images `[batch, h, w, channels]` to logits of the
            same size. All windows have one shape.
        images: `[batch, height, width, channels]`, any size.
        window: height and width, pixels.
        stride: between windows along both axes, at most the window's sides.

    Returns:
        `[batch, height, width, classes]`.

    Raises:
        ValueError: for a stride that leaves pixels out, a window that is no pair, or
            scores that are not of pixels.

    Example:
        >>> images = jnp.ones((1, 5, 7, 3))
        >>> sliding(lambda x: 2 * x, images, window=(4, 4), stride=3).shape
        (1, 5, 7, 3)
    """
    sizes, window = images.shape[1:3], _pair(window)
    starts = map(window_starts, sizes, window, (stride, stride))
    places = np.asarray(list(itertools.product(*starts)), np.int32)
    height, width = map(min, window, sizes)
    shape = (len(images), height, width, images.shape[-1])
    like = jax.eval_shape(predict, jax.ShapeDtypeStruct(shape, images.dtype))
    _check_pixels("sliding", like, shape)

    def add(total: Array, place: Array) -> tuple[Array, None]:
        corner = (0, place[0], place[1], 0)
        said = predict(jax.lax.dynamic_slice(images, corner, shape))
        said += jax.lax.dynamic_slice(total, corner, said.shape)
        return jax.lax.dynamic_update_slice(total, said, corner), None

    nothing = jnp.zeros((len(images), *sizes, like.shape[-1]), like.dtype)
    total, _ = jax.lax.scan(add, nothing, jnp.asarray(places))
    counts = np.zeros((1, *sizes, 1), like.dtype)
    for row, column in places:
        counts[:, row : row + height, column : column + width] += 1
    return total / counts


def _pair(window: Any) -> tuple[int, int]:
    if isinstance(window, int) or len(window) != 2:
        raise ValueError(
            f"window={window}: expected height and width, such as window=(769, 769)."
        )
    return tuple(window)


def _check_pixels(name: str, said: Any, images: tuple[int, ...]) -> None:
    if len(said.shape) != 4 or said.shape[:3] != images[:3]:
        raise ValueError(
            f"{name!r} is for scores of each pixel, {(*images[:3], 'classes')}, but "
            f"those of images {images} have the shape {said.shape}: use 'whole'."
        )


def resize(
    images: Images, size: Sequence[int]
) -> Float[Array, "batch new_h new_w channels"]:
    """Bilinear interpolation between pixel centres, with no smoothing.

    For logits that are to have the size of their label, and images at other scales.

    Args:
        images: `[batch, height, width, channels]`.
        size: height and width.

    Returns:
        `[batch, *size, channels]`.

    Example:
        >>> ramp = jnp.asarray([0.0, 1.0]).reshape(1, 1, 2, 1)
        >>> resize(ramp, (1, 4)).ravel()
        Array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """
    shape = (images.shape[0], *size, images.shape[-1])
    return jax.image.resize(images, shape, "linear", antialias=False)


@PREDICTIONS.register
def averaged(
    predict: Predict, images: Images, *, scales: Sequence[float] = (1.0,), flip: bool
) -> Logits:
    """Mean class probabilities over scales, and over left and right swapped.

    As their logarithms, for scores are logits wherever the trainer takes them, and the
    softmax of these is the mean: `log(sum_k softmax(z_k) / n)`.

    Args:
        predict: from images to logits of the same size.
        images: `[batch, height, width, channels]`.
        scales: of the images that are predicted; sizes are rounded.
        flip: whether each is also predicted from its mirror image.

    Returns:
        Log-probabilities `[batch, height, width, classes]`.

    Raises:
        ValueError: for scores that are not of pixels.

    Example:
        >>> found = averaged(lambda x: 2 * x, jnp.ones((1, 2, 2, 4)), flip=True)
        >>> jnp.exp(found)[0, 0, 0]
        Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """
    size = images.shape[1:3]
    found = []
    for scale in scales:
        scaled = resize(images, [round(scale * n) for n in size])
        said = [predict(scaled)]
        _check_pixels("averaged", said[0], scaled.shape)
        if flip:
            said.append(predict(scaled[:, :, ::-1])[:, :, ::-1])
        found += [jax.nn.log_softmax(resize(logits, size)) for logits in said]
    # Not the logarithm of the mean, which is minus infinity where all are too small.
    return jax.nn.logsumexp(jnp.stack(found), axis=0) - math.log(len(found))
