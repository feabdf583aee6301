"""Predictions of large images: in windows, at other scales, flipped."""

from collections.abc import Callable, Sequence

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
    predict: Predict, images: Images, *, window: tuple[int, int], stride: int
) -> Logits:
    """Logits of images larger than the network was trained on.

    The mean over the windows that hold a pixel. An image that fits in one window is
    predicted whole, at its own size.

    Args:
        predict: from images `[batch, h, w, channels]` to logits of the same size. All
            windows have one shape, so a jitted function compiles once.
        images: `[batch, height, width, channels]`, any size.
        window: height and width, pixels.
        stride: between windows along both axes.

    Returns:
        `[batch, height, width, classes]`.

    Raises:
        ValueError: for a stride that leaves pixels out.

    Example:
        >>> images = jnp.ones((1, 5, 7, 3))
        >>> sliding(lambda x: 2 * x, images, window=(4, 4), stride=3).shape
        (1, 5, 7, 3)
    """
    sizes = images.shape[1:3]
    rows, columns = (
        [slice(at, at + w) for at in window_starts(n, w, stride)]
        for n, w in zip(sizes, window, strict=True)
    )
    places = [(slice(None), row, column) for row in rows for column in columns]
    counts = np.zeros((1, *sizes, 1), np.float32)
    total = None
    for place in places:
        said = predict(images[place])
        if total is None:
            total = jnp.zeros((len(images), *sizes, said.shape[-1]), said.dtype)
        total = total.at[place].add(said)
        counts[place] += 1
    assert total is not None  # there is always a window
    return total / counts.astype(total.dtype)


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

    Args:
        predict: from images to logits of the same size.
        images: `[batch, height, width, channels]`.
        scales: of the images that are predicted; sizes are rounded.
        flip: whether each is also predicted from its mirror image.

    Returns:
        Probabilities `[batch, height, width, classes]`.
    """
    size = images.shape[1:3]
    found = []
    for scale in scales:
        scaled = resize(images, [round(scale * n) for n in size])
        said = [predict(scaled)]
        if flip:
            said.append(predict(scaled[:, :, ::-1])[:, :, ::-1])
        found += [jax.nn.softmax(resize(logits, size)) for logits in said]
    return jnp.mean(jnp.stack(found), 0)
