"""From the cells of a batch to its sequences, and back."""

import jax.numpy as jnp
from jaxtyping import Shaped

from ..typing import AnyArray, Array
from .batch import Ragged


def sum_per_sequence(
    x: Shaped[AnyArray, "rows capacity ..."], batch: Ragged
) -> Shaped[Array, "sequences ..."]:
    """The sum over the cells of each sequence; empty cells count nowhere.

    Args:
        x: of each cell, instead of the values of the batch.
        batch: says whose the cells are.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1.0, 2.0], [5.0]], capacity=4)
        >>> sum_per_sequence(batch.values, batch)
        Array([3., 5.], dtype=float32)
    """
    x = jnp.asarray(x)
    sums = jnp.zeros((batch.sequences, *x.shape[2:]), x.dtype)
    return sums.at[batch.numbers.reshape(-1)].add(
        x.reshape(-1, *x.shape[2:]), mode="drop"
    )


def outermost(
    x: Shaped[AnyArray, "rows capacity ..."], batch: Ragged, count: int
) -> tuple[Shaped[Array, "sequences count ..."], Shaped[Array, "sequences count ..."]]:
    """The first and the last `count` cells of each sequence.

    A shorter one stands at the beginning of its first cells, and at the end of its last
    ones; what else is there is from the sequence too, or 0 if it has no cell.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1, 2, 3], [5]], capacity=4)
        >>> outermost(batch.values, batch, 2)[1]
        Array([[2, 3],
               [5, 5]], dtype=int32)
    """
    x, length = jnp.asarray(x), batch.lengths[:, None]
    row = batch.capacity * jnp.arange(batch.rows, dtype=jnp.int32)[:, None]
    begin = jnp.zeros((batch.sequences, 1), jnp.int32)
    begin = begin.at[batch.numbers, 0].set(row + batch.starts, mode="drop")
    steps, last = jnp.arange(count, dtype=jnp.int32)[None], jnp.maximum(length - 1, 0)
    places = jnp.minimum(steps, last), jnp.maximum(length - count + steps, 0)
    flat = x.reshape(-1, *x.shape[2:])
    there = (length > 0).reshape(-1, *(1,) * (x.ndim - 1))
    first, last = (jnp.where(there, flat[begin + place], 0) for place in places)
    return first, last


def to_cells(
    y: Shaped[AnyArray, "sequences ..."], batch: Ragged
) -> Shaped[Array, "rows capacity ..."]:
    """What each sequence has, in all of its cells, and 0 in empty ones.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1.0, 2.0], [5.0]], capacity=4)
        >>> to_cells(jnp.array([7, 8]), batch)
        Array([[7, 7, 8, 0]], dtype=int32)
    """
    return jnp.take(jnp.asarray(y), batch.numbers, axis=0, mode="fill", fill_value=0)
