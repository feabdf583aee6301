"""Gradients of a batch that is too large for the memory, part by part."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ..conv import target_backend
from ..typing import Array


def accumulate(
    function: Callable[[Any, Any], tuple[Any, Any, PyTree]],
    carry: PyTree,
    batch: PyTree,
    parts: int,
) -> tuple[PyTree, PyTree]:
    """Weighted mean of a function over equal parts of a batch.

    `sum_k w_k v_k / sum_k w_k`. If v is a mean over what w counts (records, or pixels
    that are not ignored), this is the mean over the whole batch, and its gradient.
    Values that are means over different things have weights of their own.
    Batch norm still sees each part alone. Part k holds the records k, k + parts, ...:
    on a sharded batch each device keeps its own.

    Args:
        function: from (carry, part) to (carry, values, weight): values a pytree of
            floats such as gradients and metrics, weight a scalar, or a pytree of them
            that values begin with.
        carry: what goes from part to part, such as batch statistics.
        batch: a pytree of arrays `[records, ...]`.
        parts: number of parts.

    Returns:
        The last carry, and the mean values in their dtypes; zeros if every weight is.

    Raises:
        ValueError: if the parts are not equal.

    Example:
        >>> def mean(carry, part):
        ...     return carry + 1, part.mean(), jnp.asarray(1.0)
        >>> accumulate(mean, jnp.asarray(0), jnp.arange(6.0), 3)
        (Array(3, dtype=int32, weak_type=True), Array(2.5, dtype=float32))
    """
    size = len(jax.tree.leaves(batch)[0])
    if parts < 1 or size % parts:
        raise ValueError(
            f"parts={parts} does not divide the batch of {size} records into equal "
            "parts: use a divisor of the batch size."
        )
    pieces = jax.tree.map(lambda x: _piece(jnp.asarray(x), parts), batch)
    first = jax.tree.map(lambda x: x[0], pieces)
    _, like, weight = jax.eval_shape(function, carry, first)
    zeros = jax.tree.map(lambda v: jnp.zeros(v.shape, v.dtype), (like, weight))

    def scaled(weight: Array, values: Any) -> Any:
        return jax.tree.map(lambda v: v * weight.astype(v.dtype), values)

    def mean(weight: Array, total: Any) -> Any:
        divisor = jnp.where(weight == 0, jnp.ones_like(weight), weight)
        return jax.tree.map(lambda v: v / divisor.astype(v.dtype), total)

    # XLA's CPU convolutions are several times slower inside a loop (jax#12868).
    unroll = parts if target_backend() == "cpu" else 1

    def add(state: Any, part: Any) -> tuple[Any, None]:
        if unroll > 1:
            # Else XLA sums the gradients of all parts over the devices at once, after
            # the last part, and holds them all until then.
            state, part = jax.lax.optimization_barrier((state, part))
        carry, *sums = state
        carry, values, weight = function(carry, part)
        more = jax.tree.map(scaled, weight, values)
        return (carry, *jax.tree.map(jnp.add, sums, [more, weight])), None

    (carry, total, weight), _ = jax.lax.scan(
        add, (carry, *zeros), pieces, unroll=unroll
    )
    return carry, jax.tree.map(mean, weight, total)


def _piece(x: Array, parts: int) -> Array:
    """`[records, ...]` as `[parts, records / parts, ...]`."""
    return jnp.swapaxes(x.reshape(len(x) // parts, parts, *x.shape[1:]), 0, 1)
