"""Moves the sequences of a batch to where a layout wants them."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from ..typing import Array
from .batch import Ragged, visible


def lay(batch: Ragged, row: Array, offset: Array, rows: int, capacity: int) -> Ragged:
    """Puts each sequence into its row, from its offset on.

    Args:
        batch: in any layout.
        row: of each sequence, `[sequences]`; one that is not there leaves it out.
        offset: the cell of the row where it is to begin, likewise.
        rows: how many there are.
        capacity: cells of a row.

    Raises:
        ValueError: if a sequence does not fit and that is known.
    """
    _refuse_many(rows, capacity)
    laid, out = _laid(batch, row, offset, rows, capacity)
    _refuse_lost(out, row, rows, capacity)
    return laid


@functools.partial(jax.jit, static_argnums=(3, 4))
def _laid(
    batch: Ragged, row: Array, offset: Array, rows: int, capacity: int
) -> tuple[Ragged, Array]:
    """The same, and the cells of each sequence that does not fit."""
    lengths = batch.lengths
    fits = (row >= 0) & (row < rows) & (offset + lengths <= capacity)
    out = jnp.where(fits, 0, lengths)
    nowhere = rows * capacity
    # Cells beyond the last are dropped on writing, and 0 or empty on reading.
    first = jnp.where(fits, row * capacity + offset, nowhere)
    target = take(first, batch.numbers, nowhere)
    target = jnp.where(target < nowhere, target + batch.positions, nowhere)
    cells = jnp.arange(target.size, dtype=jnp.int32)
    source = jnp.full(nowhere, target.size, jnp.int32)
    source = source.at[target.reshape(-1)].set(cells, mode="drop")

    def moved(x: Array, empty: int = 0) -> Array:
        x = take(x.reshape(-1, *x.shape[2:]), source, empty)
        return x.reshape(rows, capacity, *x.shape[1:])

    numbers = moved(batch.numbers, batch.sequences)
    positions, real = moved(batch.positions), numbers < batch.sequences
    starts = take(offset, numbers, 0)
    begins = jnp.cumsum(real & (positions == 0), 1, dtype=jnp.int32)
    lost = jnp.zeros(rows, jnp.int32).at[jnp.clip(row, 0, rows - 1)].add(out)
    laid = Ragged(
        values=jax.tree.map(moved, batch.values),
        segment_ids=jnp.where(real, begins, 0),
        positions=positions,
        starts=starts,
        ends=starts + take(lengths, numbers, 0),
        numbers=numbers,
        lost=lost.at[0].add(batch.lost.sum(dtype=jnp.int32)),
        sequences=batch.sequences,
    )
    return laid, out


def take(x: Array, index: Array, empty: int) -> Array:
    """`x[index]` along the first axis, and `empty` where there is nothing."""
    return jnp.take(x, index, axis=0, mode="fill", fill_value=empty)


def _refuse_many(rows: int, capacity: int) -> None:
    most = np.iinfo(np.int32).max
    if math.prod((rows, capacity)) > most:
        raise ValueError(
            f"{rows} rows of {capacity} cells are more than int32 can count, {most}: "
            "lay out the batch in parts."
        )


def _refuse_lost(out: Array, row: Array, rows: int, capacity: int) -> None:
    if not visible(out) or not (lost := np.asarray(out)).any():
        return
    who = int(lost.argmax())
    raise ValueError(
        f"{int((lost > 0).sum())} sequences do not fit into {rows} rows of {capacity} "
        f"cells: number {who}, of {lost[who]} cells, was to stand in row "
        f"{np.asarray(row)[who]}. Take larger rows, or more of them."
    )
