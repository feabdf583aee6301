"""The layouts of a batch: each says where its sequences stand, and `lay` puts them."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..conv.arguments import whole
from ..typing import Array
from .batch import Ragged, known_lengths, visible
from .lay import lay, take


def padded(batch: Ragged, longest: int | None = None) -> Ragged:
    """One sequence a row, `[sequences, longest]`, in the order of their numbers.

    Args:
        batch: in any layout.
        longest: cells of a row; by default those of the longest sequence. To be given
            under `jax.jit`; there what does not fit is left out and counted in `lost`,
            in every layout.

    Raises:
        ValueError: if a sequence does not fit, or under `jax.jit` without a size.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> padded(pack_sequences([[1, 2, 3], [4, 5], [6]], capacity=4)).values
        Array([[1, 2, 3],
               [4, 5, 0],
               [6, 0, 0]], dtype=int32)
    """
    lengths = batch.lengths
    longest = _size("longest", longest, lengths.max())
    row = jnp.arange(batch.sequences, dtype=jnp.int32)
    return lay(batch, row, jnp.zeros_like(row), batch.sequences, longest)


def flat(batch: Ragged, capacity: int | None = None) -> Ragged:
    """All sequences one after another in one row, `[1, capacity]`: no padding.

    What computes each token by itself costs the real tokens only. The idea is that of
    "ByteTransformer" (Zhai et al., 2022).

    Args:
        batch: in any layout.
        capacity: cells of the row; by default as many as are real.

    Raises:
        ValueError: as `padded`.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> flat(pack_sequences([[1, 2, 3], [4, 5], [6]], capacity=4)).values
        Array([[1, 2, 3, 4, 5, 6]], dtype=int32)
    """
    lengths = batch.lengths
    capacity = _size("capacity", capacity, lengths.sum())
    offset = jnp.cumsum(lengths, dtype=jnp.int32) - lengths
    return lay(batch, jnp.zeros_like(offset), offset, 1, capacity)


def packed(
    batch: Ragged,
    rows: Any,
    capacity: int,
    *,
    count: int | None = None,
) -> Ragged:
    """Each sequence in the row that it is told, after those with smaller numbers.

    Args:
        batch: in any layout.
        rows: `[sequences]`, the row of each, as `pack` returns them.
        capacity: cells of a row.
        count: how many rows; by default as many as are named.

    Raises:
        ValueError: as `padded`, or for a row that is not there.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1, 2, 3], [4, 5], [6]], capacity=4)
        >>> packed(batch, jnp.array([1, 0, 0]), 3).values
        Array([[4, 5, 6],
               [1, 2, 3]], dtype=int32)
    """
    rows = _rows_of(rows, batch.sequences)
    count = _size("count", count, rows.max() + 1)
    offset = _offsets(rows, batch.lengths, count)
    return lay(batch, rows, offset, count, whole("capacity", capacity))


@functools.partial(jax.jit, static_argnums=2)
def _offsets(rows: Array, lengths: Array, count: int) -> Array:
    """Cells of sequences with smaller numbers in the same row."""
    there = jnp.where((rows >= 0) & (rows < count), rows, count)
    held = jnp.zeros(count, jnp.int32).at[there].add(lengths, mode="drop")
    ahead = jnp.cumsum(held, dtype=jnp.int32) - held
    order = jnp.argsort(there, stable=True)
    sizes = lengths[order]
    before = jnp.cumsum(sizes, dtype=jnp.int32) - sizes
    offset = before - take(ahead, there[order], 0)
    return jnp.zeros_like(offset).at[order].set(offset)


def lanes(batch: Ragged, count: int, steps: int | None = None) -> Ragged:
    """A given number of rows that are all about as long: lanes for a recurrence.

    The longest sequence goes first, each into the lane that is free the earliest. With
    as many lanes as a device runs at once, `segment_scan` takes few steps and hardly an
    empty one. After "E-BATCH" (Silfa et al., 2020).

    Args:
        batch: in any layout.
        count: how many lanes.
        steps: cells of a lane; by default as many as are needed.

    Raises:
        ValueError: as `padded`.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1, 1], [2, 2, 2, 2], [3], [4]], capacity=4)
        >>> lanes(batch, 2).values
        Array([[2, 2, 2, 2],
               [1, 1, 3, 4]], dtype=int32)
    """
    count = whole("count", count)
    lane, offset, load = _assign(batch.lengths, count)
    steps = _size("steps", steps, load.max())
    return lay(batch, lane, offset, count, steps)


@functools.partial(jax.jit, static_argnums=1)
def _assign(lengths: Array, count: int) -> tuple[Array, Array, Array]:
    """The lane of each sequence, the cells before it, and the cells of each lane."""
    order = jnp.argsort(-lengths, stable=True)

    def one(load: Array, length: Array) -> tuple[Array, tuple[Array, Array]]:
        lane = jnp.argmin(load).astype(jnp.int32)
        return load.at[lane].add(length), (lane, load[lane])

    # What varies over devices in a shard_map does so from the beginning of a loop.
    idle = jnp.broadcast_to(lengths[:1] * 0, (count,))
    load, (lane, offset) = lax.scan(one, idle, lengths[order])
    lane, offset = (jnp.zeros_like(a).at[order].set(a) for a in (lane, offset))
    return lane, offset, load


def aligned(batch: Ragged, other: Ragged) -> Ragged:
    """Each sequence in the cells that it has in another batch.

    What was computed in one layout goes on in another, or comes back:
    `aligned(flat(batch), batch)` is `batch`.

    Args:
        batch: in any layout.
        other: the same sequences by number and length; its values do not matter.

    Raises:
        ValueError: if the two have other sequences.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1, 2, 3], [4, 5], [6]], capacity=4)
        >>> twice = padded(batch).replace(2 * padded(batch).values)
        >>> aligned(twice, batch).values
        Array([[ 2,  4,  6, 12],
               [ 8, 10,  0,  0]], dtype=int32)
    """
    _refuse_others(batch, other)
    row, offset = _places(batch, other)
    return lay(batch, row, offset, other.rows, other.capacity)


@jax.jit
def _places(batch: Ragged, other: Ragged) -> tuple[Array, Array]:
    """Row and first cell of each sequence in the other batch; row -1 for none."""
    rows = jnp.arange(other.rows, dtype=jnp.int32)[:, None]
    rows = jnp.broadcast_to(rows, other.numbers.shape)
    none = jnp.full(batch.sequences, -1, jnp.int32)
    row = none.at[other.numbers].set(rows, mode="drop")
    offset = none.at[other.numbers].set(other.starts, mode="drop")
    # Of another length it would run into its neighbour.
    return jnp.where(batch.lengths == other.lengths, row, -1), offset


def _size(name: str, given: Any, needed: Array) -> int:
    """A static size: what was given, or what is needed where that is known."""
    if given is not None:
        return whole(name, given)
    if not visible(needed):
        raise ValueError(
            f"under jax.jit lengths are not known: give {name}, which becomes a shape, "
            f"as {name}=512."
        )
    return max(1, int(needed))


def _rows_of(rows: Any, sequences: int) -> Array:
    rows = jnp.asarray(rows)
    if rows.shape != (sequences,) or not jnp.issubdtype(rows.dtype, jnp.integer):
        raise ValueError(
            f"rows is {rows.dtype} of shape {rows.shape}: expected the row of each of "
            f"the {sequences} sequences, as pack(batch.lengths, capacity) gives it."
        )
    return rows.astype(jnp.int32)


def _refuse_others(batch: Ragged, other: Ragged) -> None:
    if batch.sequences != other.sequences:
        raise ValueError(
            f"batch has {batch.sequences} sequences and other {other.sequences}: "
            "expected the same ones in two layouts, as batch and flat(batch)."
        )
    mine, theirs = known_lengths(batch), known_lengths(other)
    if mine is not None and theirs is not None and (mine != theirs).any():
        who = int((mine != theirs).argmax())
        raise ValueError(
            f"sequence {who} has {mine[who]} cells in batch and {theirs[who]} in "
            "other: expected the same ones in two layouts, as batch and flat(batch)."
        )
