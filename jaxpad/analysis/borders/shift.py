"""Whether an answer stays when the image is shifted."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Integer

from ...typing import AnyArray, Array
from .curves import ratio


FURTHEST = 32  # pixels


class Shift(NamedTuple):
    """How steady answers are.

    Attributes:
        pixels: of each shift.
        consistency: share of the images, or pixels, whose answer it leaves alone.
        accuracy: share whose answer is right, of shifted images; NaN without labels.
    """

    pixels: list[int]
    consistency: list[float]
    accuracy: list[float]


def shift_consistency(
    model: Callable[[Any], Any],
    images: Float[AnyArray, "n h w c"],
    labels: Integer[AnyArray, "*shape"] | None = None,
    *,
    pixels: Sequence[int] | None = None,
) -> Shift:
    """The share of answers that a shift of the image leaves alone.

    `argmax f(roll(x, p)) = argmax f(x)`; each image is rolled by p pixels down and p to
    the right, and what leaves it comes in on the other side. Scores of pixels are
    rolled back first. Under circular padding a network without strides has exactly 1.

    Args:
        model: from images to scores, `[n, classes]` or `[n, h, w, classes]`.
        images: as the model takes them.
        labels: for the accuracy; of pixels, those of no class do not count at all.
        pixels: p; by default 1, 2, 4 and so on to a quarter of the shorter side, 32 at
            most.

    Returns:
        A `Shift`.

    Example:
        >>> upper = lambda x: jnp.stack([x[:, 0, 0, 0], x[:, 2, 2, 0]], -1)
        >>> image = np.zeros((1, 4, 4, 1), np.float32)
        >>> image[0, 0, 0] = 1
        >>> shift_consistency(upper, image, np.array([0]), pixels=(2, 4))
        Shift(pixels=[2, 4], consistency=[0.0, 1.0], accuracy=[0.0, 1.0])

    "Making Convolutional Networks Shift-Invariant Again" (Zhang, 2019).
    """
    x = jnp.asarray(images)
    chosen = shifts(*x.shape[1:3]) if pixels is None else [int(p) for p in pixels]
    first = answers(model, x, 0)
    true = jnp.full(first.shape, -1) if labels is None else jnp.asarray(labels)
    counted = jnp.ones(first.shape, bool)
    if first.ndim == 3 and labels is not None:
        counted = (true >= 0) & (true < model(x).shape[-1])
    found = np.asarray(
        [steadiness(answers(model, x, p), first, true, counted) for p in chosen]
    ).reshape(-1, 3)
    count, same, right = found.astype(float).T
    accuracy = np.full(len(chosen), np.nan) if labels is None else ratio(right, count)
    return Shift(chosen, ratio(same, count).tolist(), accuracy.tolist())


def shifts(height: int, width: int) -> list[int]:
    """1, 2, 4 and so on, to a quarter of the shorter side; 1 at least.

    Example:
        >>> shifts(32, 48), shifts(8, 8), shifts(2, 2)
        ([1, 2, 4, 8], [1, 2], [1])
    """
    most = max(1, min(height // 4, width // 4, FURTHEST))
    return [2**k for k in range(most.bit_length())]


def rolled(x: Array, pixels: Any) -> Array:
    """Images `[n, h, w, ...]` moved down and to the right, round the border."""
    return jnp.roll(x, (pixels, pixels), axis=(1, 2))


def answers(model: Callable[[Any], Any], images: Array, pixels: Any) -> Array:
    """The class of each shifted image, or of each pixel where it was before."""
    scores = model(rolled(images, pixels))
    if scores.ndim == 4:
        scores = rolled(scores, -pixels)
    return scores.argmax(-1)


def steadiness(
    answer: Array, first: Array, labels: Array, counted: Array
) -> tuple[Array, Array, Array]:
    """How many count, how many are as at first, and how many right."""
    return (
        jnp.sum(counted, dtype=jnp.int32),
        jnp.sum(counted & (answer == first), dtype=jnp.int32),
        jnp.sum(counted & (answer == labels.astype(answer.dtype)), dtype=jnp.int32),
    )
