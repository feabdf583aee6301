"""One vector for each sequence."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
from jaxtyping import Shaped

from ..padding import sum_dtype
from ..typing import Array
from .batch import Ragged, one_array
from .per_sequence import sum_per_sequence, to_cells


def segment_pool(batch: Ragged, how: str) -> Shaped[Array, "sequences ..."]:
    """Pools over the cells of each sequence.

    Args:
        batch: values `[rows, capacity, ...]`, floating point.
        how: "mean", "max" or "last", its last cell. The gradient of a maximum is shared
            by the cells that have it.

    Returns:
        `[sequences, ...]` in the order of their numbers, of the values' dtype; 0 for
        sequences that are not there.

    Raises:
        ValueError: for another name.
        TypeError: for values of whole numbers.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1.0, 2.0, 6.0], [5.0, 4.0]], capacity=6)
        >>> segment_pool(batch, "mean")
        Array([3. , 4.5], dtype=float32)
        >>> segment_pool(batch, "last")
        Array([6., 4.], dtype=float32)
    """
    if how not in POOLS:
        raise ValueError(f"how={how!r}: expected one of {list(POOLS)}.")
    x = one_array("segment_pool", batch)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(
            f"segment_pool: values are {x.dtype}, but floating point was expected: "
            "write batch.replace(batch.values.astype(jnp.float32))."
        )
    return POOLS[how](x.astype(sum_dtype(x.dtype)), batch).astype(x.dtype)


def _mean(x: Array, batch: Ragged) -> Array:
    count = jnp.maximum(batch.lengths, 1).astype(x.dtype)
    return sum_per_sequence(x, batch) / _like(count, x.ndim - 1)


def _last(x: Array, batch: Ragged) -> Array:
    last = batch.real & (batch.positions == batch.ends - batch.starts - 1)
    return sum_per_sequence(jnp.where(_like(last, x.ndim), x, 0), batch)


def _max(x: Array, batch: Ragged) -> Array:
    low = jnp.full((batch.sequences, *x.shape[2:]), -jnp.inf, x.dtype)
    rest = lax.stop_gradient(x).reshape(-1, *x.shape[2:])
    best = low.at[batch.numbers.reshape(-1)].max(rest, mode="drop")
    best = jnp.where(_like(batch.lengths > 0, best.ndim), best, 0)
    equal = _like(batch.real, x.ndim) & (x == to_cells(best, batch))
    # Zero everywhere, but with the gradient of the mean of those cells.
    shift = sum_per_sequence(jnp.where(equal, x - to_cells(best, batch), 0), batch)
    share = sum_per_sequence(equal.astype(x.dtype), batch)
    return best + shift / jnp.maximum(share, 1)


def _like(x: Array, rank: int) -> Array:
    return x.reshape(*x.shape, *(1,) * (rank - x.ndim))


POOLS: dict[str, Callable[[Array, Ragged], Array]] = {
    "mean": _mean,
    "max": _max,
    "last": _last,
}
