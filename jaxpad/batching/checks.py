"""What packing refuses, in words: nothing is cut or left out silently."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..conv.arguments import whole


def as_limit(max_per_row: Any) -> int | None:
    """The sequences that a row may hold: an int of at least 1, or None."""
    return None if max_per_row is None else whole("max_per_row", max_per_row)


def as_lengths(
    lengths: Any, capacity: int | None = None, *, least: int = 1
) -> np.ndarray:
    """Lengths as an array `[n]` of int64.

    Args:
        lengths: of sequences, at least one of them.
        capacity: the cells that each has to fit in, if there is a limit.
        least: what a length may be at least, 1 or 0.

    Raises:
        TypeError: if they are not whole numbers.
        ValueError: if they are not on one axis, there are none, or one is zero,
            negative or too long.
    """
    found = np.asarray(lengths)
    if found.ndim != 1:
        raise ValueError(
            f"lengths has shape {found.shape}, but one axis was expected: the length "
            "of each sequence, as [len(s) for s in sequences]."
        )
    if not found.size:
        raise ValueError(
            "lengths is empty: there is nothing to pack. Look whether the data set, or "
            "what filters it, has lost its sequences."
        )
    if found.dtype.kind not in "iu":
        raise TypeError(
            f"lengths has dtype {found.dtype}, but whole numbers were expected: write "
            "np.asarray(lengths).astype(int) if they are."
        )
    found = found.astype(np.int64)
    _refuse_short(found, least)
    if capacity is not None:
        _refuse_long(found, capacity)
    return found


def _refuse_short(lengths: np.ndarray, least: int) -> None:
    at = int(lengths.argmin())
    if lengths[at] < 0:
        raise ValueError(
            f"lengths[{at}] is {lengths[at]}: a length is at least {least}."
        )
    if lengths[at] < least:
        raise ValueError(
            f"{int((lengths == 0).sum())} of {len(lengths)} lengths are 0, such as "
            f"lengths[{at}]: an empty sequence has no place in a row. To leave them "
            'out, pack jaxpad.batching.cut(lengths, capacity, "drop").length.'
        )


def _refuse_long(lengths: np.ndarray, capacity: int) -> None:
    if (longest := int(lengths.max())) > capacity:
        long = int((lengths > capacity).sum())
        raise ValueError(
            f"{long} of {len(lengths)} sequences are longer than capacity={capacity}; "
            f"lengths[{int(lengths.argmax())}] is {longest}. {_ways_out(longest)}"
        )


def as_histogram(histogram: Any, capacity: int) -> np.ndarray:
    """Counts of the lengths 0 to `capacity`, `[capacity + 1]` of int64.

    Raises:
        TypeError: if they are not whole numbers.
        ValueError: if they are not on one axis or not counts, or one counts sequences
            of length 0 or above the capacity, or all are 0.
    """
    found = np.asarray(histogram)
    if found.ndim != 1:
        raise ValueError(
            f"histogram has shape {found.shape}, but one axis was expected: number i "
            "counts the sequences of length i, as np.bincount(lengths) does."
        )
    if found.size and found.dtype.kind not in "iu":
        raise TypeError(
            f"histogram has dtype {found.dtype}, but counts were expected, which are "
            "whole numbers: np.bincount(lengths) makes them."
        )
    if found.size and found.min() < 0:
        at = int(found.argmin())
        raise ValueError(f"histogram[{at}] is {found[at]}: a count is at least 0.")
    cells = sum(i * count for i, count in enumerate(found.tolist()))
    if max(cells, sum(found.tolist())) >= 2**63:
        raise ValueError(
            f"histogram counts sequences of {cells} cells, which int64 cannot count: "
            "expected less than 2**63."
        )
    found = found.astype(np.int64)
    if not found.any():
        raise ValueError(
            "histogram is empty: it counts no sequence, so there is nothing to pack."
        )
    if found[0]:
        raise ValueError(
            f"histogram[0] is {found[0]}: it counts sequences of length 0, which have "
            "no place in a row. If your first number is of length 1, write "
            "np.insert(histogram, 0, 0)."
        )
    _refuse_long_counts(found, capacity)
    return np.pad(found[: capacity + 1], (0, max(0, capacity + 1 - len(found))))


def _refuse_long_counts(histogram: np.ndarray, capacity: int) -> None:
    if beyond := int(histogram[capacity + 1 :].sum()):
        longest = int(histogram.nonzero()[0][-1])
        raise ValueError(
            f"{beyond} of {histogram.sum()} sequences are longer than "
            f"capacity={capacity}; the longest has {longest}. {_ways_out(longest)}"
        )


def _ways_out(longest: int) -> str:
    return (
        f"Take capacity={longest}, or say what becomes of them: "
        'jaxpad.batching.cut(lengths, capacity, policy) with "split", "truncate" or '
        '"drop".'
    )


def as_rows(
    rows: Any, lengths: np.ndarray, capacity: int, max_per_row: int | None, who: str
) -> np.ndarray:
    """Rows as an array `[n]` of int64.

    Args:
        rows: of each sequence.
        lengths: of the sequences.
        capacity: cells of a row.
        max_per_row: sequences of a row, if there is a limit.
        who: they are from, for the error.

    Raises:
        TypeError: if they are not whole numbers, or patterns.
        ValueError: if there is not one for each sequence, one is negative or empty, or
            one holds too much.
    """
    if isinstance(rows, Mapping):
        raise TypeError(
            f"{who} is a mapping: expected the row of each sequence. A packer that "
            "returns how many rows hold which lengths is made by "
            "jaxpad.batching.by_histogram."
        )
    try:
        found = np.asarray(rows)
    except ValueError:  # lists of several lengths
        raise ValueError(
            f"{who} has an entry for each row: expected the row of each of the "
            f"{len(lengths)} sequences, as [0, 1, 0]."
        ) from None
    if found.shape != lengths.shape:
        raise ValueError(
            f"{who} has shape {found.shape}, but there are {len(lengths)} sequences: "
            "expected the row of each."
        )
    if found.dtype.kind not in "iu":
        raise TypeError(f"{who} has dtype {found.dtype}: expected numbers of rows.")
    found = found.astype(np.int64)
    if not 0 <= found.min() <= found.max() < len(found):
        wrong = found.min() if found.min() < 0 else found.max()
        raise ValueError(
            f"{who} names row {wrong}: expected 0 to R - 1, none of them empty, so at "
            f"most {len(found) - 1} for {len(found)} sequences."
        )
    held = np.bincount(found)
    if not held.all():
        raise ValueError(
            f"{who} leaves row {int(held.argmin())} empty: number the rows without "
            "gaps, as np.unique(rows, return_inverse=True)[1] does."
        )
    _refuse_full(held, np.bincount(found, lengths), capacity, max_per_row, who)
    return found


def _refuse_full(
    held: np.ndarray,
    cells: np.ndarray,
    capacity: int,
    max_per_row: int | None,
    who: str,
) -> None:
    if cells.max() > capacity:
        raise ValueError(
            f"{who} puts {int(cells.max())} cells into row {int(cells.argmax())}, but "
            f"capacity={capacity}. Pack the same lengths with the same capacity."
        )
    if max_per_row is not None and held.max() > max_per_row:
        raise ValueError(
            f"{who} puts {held.max()} sequences into row {int(held.argmax())}, but "
            f"max_per_row={max_per_row}."
        )
