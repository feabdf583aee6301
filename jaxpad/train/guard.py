"""Steps that would spoil the state: what is not finite, or far above the usual loss."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int, PyTree

from ..typing import Array


WINDOW = 128  # steps that the usual loss is about


class Usual(NamedTuple):
    """The loss of the last steps.

    Attributes:
        mean: float32 scalar, about `WINDOW` steps long.
        variance: float32 scalar, of the same.
        steps: int32 scalar, seen.
    """

    mean: Float[Array, ""]
    variance: Float[Array, ""]
    steps: Int[Array, ""]


def no_loss_yet() -> Usual:
    """Before the first step."""
    zero = jnp.zeros((), jnp.float32)
    return Usual(zero, jnp.zeros_like(zero), jnp.zeros((), jnp.int32))


def seen(usual: Usual, loss: Float[Array, ""]) -> Usual:
    """With one loss more.

    `mean + r (loss - mean)` and `(1 - r) (variance + r (loss - mean)^2)`, where r is
    1 / steps until there are `WINDOW` of them, and 1 / `WINDOW` from then on.

    Example:
        >>> usual = seen(seen(no_loss_yet(), jnp.asarray(2.0)), jnp.asarray(4.0))
        >>> float(usual.mean), float(usual.variance), int(usual.steps)
        (3.0, 1.0, 2)
    """
    steps = usual.steps + 1
    rate = 1 / jnp.minimum(steps, WINDOW).astype(jnp.float32)
    off = loss - usual.mean
    variance = (1 - rate) * (usual.variance + rate * off * off)
    return Usual(usual.mean + rate * off, variance, steps)


def is_spike(
    usual: Usual, loss: Float[Array, ""], deviations: float
) -> Bool[Array, ""]:
    """Whether a loss is so many standard deviations above the usual one.

    Never during the first `WINDOW` steps, in which it falls.
    """
    limit = usual.mean + deviations * jnp.sqrt(usual.variance)
    return (usual.steps >= WINDOW) & (loss > limit)


def all_finite(tree: PyTree) -> Bool[Array, ""]:
    """Whether no floating array of a pytree holds NaN or infinity.

    Example:
        >>> bool(all_finite({"mean": jnp.ones(3), "count": jnp.asarray(1)}))
        True
        >>> bool(all_finite([jnp.asarray([0.0, jnp.inf])]))
        False
    """
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    return jnp.all(jnp.asarray([jnp.isfinite(x).all() for x in floats], bool))


def not_finite(tree: PyTree) -> dict[str, Int[Array, ""]]:
    """How many numbers of each floating array are NaN or infinite, by its path.

    Example:
        >>> not_finite({"mean": jnp.asarray([0.0, jnp.nan]), "count": jnp.asarray(1)})
        {'mean': Array(1, dtype=int32)}
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): (~jnp.isfinite(x)).sum()
        for path, x in leaves
        if jnp.issubdtype(x.dtype, jnp.floating)
    }


def either(whether: Bool[Array, ""], new: PyTree, old: PyTree) -> Any:
    """A pytree, or another of the same structure; nothing of the other remains."""
    return jax.tree.map(lambda n, o: jnp.where(whether, n, o), new, old)
