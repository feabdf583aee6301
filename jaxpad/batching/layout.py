"""Where each cell of each packed row comes from."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int32

from ..conv.arguments import whole
from .catalogue import Lengths
from .checks import as_lengths, as_rows


class Layout(NamedTuple):
    """What is in the cells of packed rows, each `[rows, capacity]` of int32.

    Attributes:
        index: the place in all sequences one after another, -1 in empty cells.
        segment_ids: 1, 2, ... for the sequences of a row, 0 in empty cells.
        positions: the place in the sequence, 0 in empty cells.
    """

    # Nobody searches it as a tuple.
    index: Int32[np.ndarray, "rows capacity"]  # pyright: ignore[reportIncompatibleMethodOverride]
    segment_ids: Int32[np.ndarray, "rows capacity"]
    positions: Int32[np.ndarray, "rows capacity"]


def layout(rows: Any, lengths: Lengths, capacity: int) -> Layout:
    """Lays sequences out in rows, those of a row one after another in their order.

    With `stream` all sequences one after another, `stream[index]` are the packed rows;
    what `index` of -1 reads is left out by `segment_ids > 0`.

    Args:
        rows: of each sequence, as `pack` returns them.
        lengths: of the sequences.
        capacity: cells of a row.

    Returns:
        A `Layout`.

    Raises:
        ValueError: for rows that are empty, negative or overfull, lengths that are zero
            or negative, or more cells than int32 can count.
        TypeError: for numbers that are not whole.

    Example:
        >>> index, segment_ids, positions = layout([0, 1, 0], [2, 3, 1], 4)
        >>> index
        array([[ 0,  1,  5, -1],
               [ 2,  3,  4, -1]], dtype=int32)
        >>> segment_ids
        array([[1, 1, 2, 0],
               [1, 1, 1, 0]], dtype=int32)
        >>> positions
        array([[0, 1, 0, 0],
               [0, 1, 2, 0]], dtype=int32)
    """
    capacity = whole("capacity", capacity)
    sizes = as_lengths(lengths, capacity)
    of = as_rows(rows, sizes, capacity, None, "rows")
    _refuse_overflow(int(sizes.sum()), capacity)
    order = np.argsort(of, kind="stable")
    of, sizes, starts = of[order], sizes[order], _before(sizes)[order]
    held = np.bincount(of)
    head = np.repeat(_before(held), held)  # the first sequence of each one's row
    offset = _before(sizes) - _before(sizes)[head]
    # The empty end of each row is one more segment.
    ends = np.cumsum(held)
    free = capacity - np.bincount(of, sizes).astype(np.int64)
    cells = np.insert(sizes, ends, free)

    def filled(values: np.ndarray, empty: int) -> np.ndarray:
        values = np.insert(values.astype(np.int32), ends, empty)
        return np.repeat(values, cells).reshape(len(held), capacity)

    segment_ids = filled(np.arange(len(of)) - head + 1, 0)
    positions = filled(offset, 0)
    np.subtract(np.arange(capacity, dtype=np.int32), positions, out=positions)
    positions *= segment_ids > 0
    index = filled(starts, -1)
    index += positions
    return Layout(index, segment_ids, positions)


def _before(counts: np.ndarray) -> np.ndarray:
    """The sum of all numbers before each."""
    return np.cumsum(counts) - counts


def _refuse_overflow(cells: int, capacity: int) -> None:
    most = np.iinfo(np.int32).max
    if cells > most:
        raise ValueError(
            f"lengths add up to {cells} cells, which int32 cannot count: lay out the "
            f"rows in parts of at most {most} cells."
        )
    if capacity > most:
        raise ValueError(f"capacity={capacity} is more than int32 can count, {most}.")
