"""Recurrences over sequences in rows, begun anew with each."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..typing import Array
from .batch import Ragged


def segment_scan(
    step: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    batch: Ragged,
    *,
    reverse: bool = False,
) -> Ragged:
    """Runs a recurrence along all rows at once; each sequence begins with `init`.

    It takes as many steps as a row has cells. `lanes` makes rows that are all about as
    long, so that few of their cells are empty. What a recurrence ends with is
    `segment_pool(..., "last")` of outputs that hold it.

    Args:
        step: `(carry, x) -> (carry, y)` of one cell in each row: every array has a
            first axis of rows.
        init: the carry of one sequence, a pytree of arrays without that axis.
        batch: values a pytree of `[rows, capacity, ...]`.
        reverse: from the last cell of each sequence to its first.

    Returns:
        The batch with values `y`, `[rows, capacity, ...]`, 0 in empty cells.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1, 2, 3], [10, 20]], capacity=6)
        >>> def add(total, x):
        ...     return total + x, total + x
        >>> segment_scan(add, jnp.array(0), batch).values
        Array([[ 1,  3,  6, 10, 30,  0]], dtype=int32)
    """
    init = jax.tree.map(lambda i: jnp.asarray(i)[None], init)
    edge = batch.ends - batch.starts - 1 if reverse else 0
    begins = batch.positions == edge

    def one(carry: Any, cell: tuple[Any, Array, Array]) -> tuple[Any, Any]:
        x, begin, real = cell
        carry = _where(begin, init, carry)
        new, y = step(carry, _or_zero(real, x))
        return _where(real, new, carry), _or_zero(real, y)

    cells = (batch.values, begins, batch.real)
    cells = jax.tree.map(lambda a: a.swapaxes(0, 1), cells)
    # One for each row, which in a shard_map varies over devices as the rows do.
    carry = _where(batch.starts[:, 0] >= 0, init, init)
    _, y = lax.scan(one, carry, cells, reverse=reverse)
    return batch.replace(jax.tree.map(lambda a: a.swapaxes(0, 1), y))


def _where(rows: Array, a: Any, b: Any) -> Any:
    """One or the other for each row, array by array."""

    def choose(x: Array, y: Array) -> Array:
        return jnp.where(rows.reshape(-1, *(1,) * (x.ndim - 1)), x, y)

    return jax.tree.map(choose, a, b)


def _or_zero(rows: Array, a: Any) -> Any:
    return _where(rows, a, jax.tree.map(jnp.zeros_like, a))
