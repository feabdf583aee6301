"""Ragged batches from rows that are laid out, and from sequences that are not."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..conv.arguments import whole
from ..typing import Array
from .batch import Ragged, visible
from .catalogue import Packer
from .layout import layout
from .plan import pack


def ragged(
    values: Any,
    segment_ids: Any,
    *,
    sequences: int | None = None,
) -> Ragged:
    """Reads rows that are laid out already, as by `layout`.

    Sequences are numbered as they stand, row by row. A padded batch has the ids
    `(np.arange(longest) < lengths[:, None]).astype(int)`. Under `jax.jit`, where ids
    are not known, the second piece of an id that stands in two places is a sequence of
    its own, for everything that is given the batch or its `segment_ids`. The ids as
    they came say something else to `jaxpad.attention`, so give it those of the batch.

    Args:
        values: an array `[rows, capacity, ...]`, or a pytree of such.
        segment_ids: `[rows, capacity]`, whole numbers; cells of one sequence stand
            side by side and have the same id, and 0 is empty.
        sequences: how many there may be; by default as many as there are. Under
            `jax.jit`, where they cannot be counted, those beyond it are left out, and
            their cells are in `lost`.

    Returns:
        A `Ragged`, whose ids count from 1 in each row.

    Raises:
        ValueError: for shapes that differ, a sequence in two pieces, ids below 0, or
            more sequences than `sequences`.
        TypeError: for ids that are no whole numbers.

    Example:
        >>> batch = ragged(jnp.arange(8.0).reshape(2, 4), [[1, 1, 2, 0], [1, 1, 1, 1]])
        >>> batch.lengths
        Array([2, 1, 4], dtype=int32)
        >>> batch.starts
        Array([[0, 0, 2, 0],
               [0, 0, 0, 0]], dtype=int32)
    """
    ids = _read_ids(segment_ids)
    values = jax.tree.map(jnp.asarray, values)
    _check_values(values, ids)
    if visible(ids):
        _refuse_pieces(np.asarray(ids))
    edge = jnp.full_like(ids[:, :1], -1)
    new = ids != jnp.concatenate([edge, ids[:, :-1]], 1)
    begins = new & (ids > 0)
    numbers = jnp.cumsum(begins.reshape(-1), dtype=jnp.int32).reshape(ids.shape) - 1
    most = _count(numbers, sequences)
    there = (ids > 0) & (numbers < most)
    cell = jnp.arange(ids.shape[1], dtype=jnp.int32)[None]
    starts = lax.cummax(jnp.where(new, cell, 0), 1)
    last = jnp.concatenate([new[:, 1:], jnp.ones_like(new[:, :1])], 1)
    after = jnp.where(last, cell + 1, ids.shape[1])

    def filled(numbers: Array, empty: int = 0) -> Array:
        return jnp.where(there, numbers, empty)

    return Ragged(
        values=values,
        segment_ids=filled(jnp.cumsum(begins, 1, dtype=jnp.int32)),
        positions=filled(cell - starts),
        starts=filled(starts),
        ends=filled(lax.cummin(after, 1, reverse=True)),
        numbers=filled(numbers, most),
        lost=jnp.sum((ids > 0) & ~there, 1, dtype=jnp.int32),
        sequences=most,
    )


def pack_sequences(
    sequences: Sequence[Any],
    capacity: int,
    packer: str | Packer = "first_fit_decreasing",
    *,
    max_per_row: int | None = None,
) -> Ragged:
    """Puts sequences into as few rows as a packer can, on the host.

    Args:
        sequences: arrays `[length, ...]`, alike but for their lengths.
        capacity: cells of a row.
        packer, max_per_row: as in `pack`.

    Returns:
        A `Ragged` with the sequences' numbers in the order in which they came, and
        zeros in empty cells.

    Raises:
        ValueError: as `pack`, or for sequences that differ in more than their lengths.

    Example:
        >>> batch = pack_sequences([[1, 2, 3], [4, 5], [6]], capacity=4)
        >>> batch.values
        Array([[1, 2, 3, 6],
               [4, 5, 0, 0]], dtype=int32)
        >>> batch.numbers
        Array([[0, 0, 0, 2],
               [1, 1, 3, 3]], dtype=int32)
    """
    arrays = [np.asarray(s) for s in sequences]
    _refuse_unlike(arrays)
    lengths = np.asarray([len(a) for a in arrays], np.int64)
    rows = pack(lengths, capacity, packer, max_per_row=max_per_row)
    index, segment_ids, _ = layout(rows, lengths, capacity)
    number = np.repeat(np.arange(len(arrays), dtype=np.int32), lengths)
    values = np.concatenate(arrays)[index]
    values[index < 0] = 0
    found = ragged(values, segment_ids, sequences=len(arrays))
    numbers = np.where(index < 0, np.int32(len(arrays)), number[index])
    return dataclasses.replace(found, numbers=jnp.asarray(numbers))


def _read_ids(segment_ids: Any) -> Array:
    ids = jnp.asarray(segment_ids)
    if not jnp.issubdtype(ids.dtype, jnp.integer):
        raise TypeError(
            f"segment_ids has dtype {ids.dtype}, but whole numbers were expected: "
            "write segment_ids.astype(int) if they are."
        )
    if ids.ndim != 2 or not ids.size:
        raise ValueError(
            f"segment_ids has shape {ids.shape}: expected [rows, capacity]. A flat "
            "batch is one row: segment_ids[None]."
        )
    if visible(ids) and (low := np.asarray(ids).min()) < 0:
        raise ValueError(
            f"segment_ids has {low}: ids count from 1, and 0 is empty. If -1 "
            "is empty in yours, write segment_ids + 1."
        )
    return jnp.maximum(ids, 0).astype(jnp.int32)


def _check_values(values: Any, ids: Array) -> None:
    for leaf in jax.tree.leaves(values):
        if leaf.shape[:2] != ids.shape:
            raise ValueError(
                f"values has shape {leaf.shape} and segment_ids {ids.shape}: expected "
                "[rows, capacity, ...] with the same rows and capacity."
            )


def _refuse_pieces(ids: np.ndarray) -> None:
    """Raises for an id whose cells do not stand side by side."""
    new = np.diff(ids, axis=1, prepend=-1) != 0
    row, cell = np.nonzero(new & (ids > 0))
    order = np.lexsort((cell, ids[row, cell], row))
    pairs = np.stack([row, ids[row, cell]])[:, order]
    again = (np.diff(pairs, axis=1) == 0).all(0)
    if again.any():
        at, number = pairs[:, int(again.argmax())]
        raise ValueError(
            f"segment_ids[{at}] has id {number} in two places, with other cells "
            "between: the cells of a sequence stand side by side. Give the second one "
            "an id of its own, or sort the row by it."
        )


def _count(numbers: Array, sequences: int | None) -> int:
    """How many sequences there may be."""
    if sequences is not None:
        sequences = whole("sequences", sequences)
    if not visible(numbers):
        if sequences is None:
            raise ValueError(
                "under jax.jit the sequences cannot be counted: say how many there may "
                "be, as ragged(values, segment_ids, sequences=64)."
            )
        return sequences
    there = int(numbers[-1, -1]) + 1
    if sequences is not None and there > sequences:
        raise ValueError(
            f"there are {there} sequences, but sequences={sequences}: write "
            f"sequences={there}, or leave it away."
        )
    return sequences or max(1, there)


def _refuse_unlike(arrays: list[np.ndarray]) -> None:
    for i, array in enumerate(arrays):
        if not array.ndim:
            raise ValueError(f"sequences[{i}] is {array}: expected [length, ...].")
        shape, dtype = arrays[0].shape[1:], arrays[0].dtype
        # An empty list has a dtype that nobody chose; pack refuses its length.
        if array.shape[1:] != shape or (array.size and array.dtype != dtype):
            raise ValueError(
                f"sequences[{i}] is {array.dtype} of shape {array.shape}, but the "
                f"first is {dtype} of shape {arrays[0].shape}: expected the same but "
                "for the length."
            )
