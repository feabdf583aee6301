"""PGD under an L2 norm, and what a Lipschitz constant certifies."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


Outputs = Callable[[Any, Any], Any]


def attack(
    outputs: Outputs,
    parameters: Any,
    images: Any,
    labels: Any,
    key: Any,
    *,
    radius: float,
    steps: int,
) -> Any:
    """Images within `radius` of the given ones, chosen for the least margin.

    Projected gradient descent on the margin, from a random start, with steps of
    `2.5 radius / steps`; pixels stay between 0 and 1. Madry et al., 2018, under L2.

    Args:
        outputs: of parameters and images, `[n, classes]`.
        parameters: the first argument of outputs.
        images: `[n, height, width, channels]`, of values from 0 to 1.
        labels: `[n]`.
        key: of the random start.
        radius: the longest change of an image as a vector.
        steps: gradients.
    """
    moved = images + radius * unit(jax.random.normal(key, images.shape))
    moved, pace = jnp.clip(moved, 0, 1), 2.5 * radius / steps
    for _ in range(steps):
        moved = step(outputs, parameters, moved, images, labels, radius, pace)
    return moved


@functools.partial(jax.jit, static_argnums=0)
def step(
    outputs: Outputs,
    parameters: Any,
    moved: Any,
    images: Any,
    labels: Any,
    radius: Any,
    pace: Any,
) -> Any:
    """One step down the margin, then back into the ball and the range of pixels."""

    def loss(moved: Any) -> Any:
        return margins(outputs(parameters, moved), labels).sum()

    moved = moved - pace * unit(jax.grad(loss)(moved))
    change = moved - images
    change = change * jnp.minimum(1, radius / lengths(change))
    return jnp.clip(images + change, 0, 1)


def margins(logits: Any, labels: Any) -> Any:
    """How far the right class is above the best wrong one; below 0 for a mistake."""
    right = jnp.arange(logits.shape[-1])[None] == labels[:, None]
    wrong = jnp.where(right, -jnp.inf, logits).max(-1)
    return jnp.where(right, logits, 0).sum(-1) - wrong


def lengths(images: Any) -> Any:
    """`[n, 1, 1, 1]`, and never 0."""
    squares = jnp.sum(images**2, axis=(1, 2, 3), keepdims=True)
    return jnp.sqrt(jnp.maximum(squares, 1e-24))


def unit(images: Any) -> Any:
    """Images of length 1, or 0 where they are."""
    return images / lengths(images)


def certified(
    logits: np.ndarray, labels: np.ndarray, head: np.ndarray, constant: float
) -> np.ndarray:
    """A radius within which no image is classified otherwise; 0 for a mistake.

    Args:
        logits: `[n, classes]`.
        labels: `[n]`.
        head: the last layer's matrix `[features, classes]`.
        constant: a Lipschitz constant of everything before it.
    """
    each = np.arange(len(labels))
    gaps = logits[each, labels][:, None] - logits
    between = np.linalg.norm(head[:, labels].T[:, None] - head.T, axis=-1)
    between[each, labels], gaps[each, labels] = 1, np.inf
    return np.maximum((gaps / (constant * between)).min(-1), 0)
