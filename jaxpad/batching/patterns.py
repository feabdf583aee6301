"""Patterns: how many rows hold which lengths, and the rows of sequences they give."""

import itertools
from collections import Counter
from collections.abc import Mapping

import numpy as np


# From the lengths that share a row, in any order, to the number of such rows.
Patterns = Mapping[tuple[int, ...], int]


def rows_of(patterns: Patterns, lengths: np.ndarray) -> np.ndarray:
    """The row of each sequence; those of one length go in their order.

    Rows of a pattern have consecutive numbers.

    Args:
        patterns: that hold each length as often as `lengths` does.
        lengths: of the sequences.

    Returns:
        Rows, `[n]`.

    Example:
        >>> rows_of({(3, 1): 2, (4,): 1}, np.array([1, 3, 4, 3, 1]))
        array([0, 0, 2, 1, 1])
    """
    parts, entry, counts = _flat(patterns)
    first = np.cumsum(counts) - counts
    # Entry by entry in the order of lengths: so many rows from the first one on.
    order = np.argsort(parts, kind="stable")
    rows = _ranges(first[entry[order]], counts[entry[order]])
    found = np.empty_like(rows)
    found[_sorted(lengths)] = rows
    return found


def histogram_of(patterns: Patterns, capacity: int) -> np.ndarray:
    """How many sequences of each length the patterns hold."""
    parts, entry, counts = _flat(patterns)
    histogram = np.zeros(max(capacity, parts.max(initial=0)) + 1, np.int64)
    np.add.at(histogram, parts, counts[entry])
    return histogram


def patterns_from(rows: np.ndarray, lengths: np.ndarray) -> dict[tuple[int, ...], int]:
    """The patterns of rows that are there, the longest sequence of each first."""
    order = np.lexsort((-lengths, rows))
    ends = np.cumsum(np.bincount(rows))
    sequences = lengths[order].tolist()
    starts = itertools.chain([0], ends.tolist())
    return Counter(tuple(sequences[a:b]) for a, b in itertools.pairwise(starts))


def _flat(patterns: Patterns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All lengths in a line, of which pattern each is, and the rows of each pattern."""
    sizes = np.fromiter(map(len, patterns), np.int64, len(patterns))
    parts = np.fromiter(itertools.chain.from_iterable(patterns), np.int64, sizes.sum())
    counts = np.fromiter(patterns.values(), np.int64, len(patterns))
    return parts, np.repeat(np.arange(len(sizes)), sizes), counts


def _ranges(first: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`first[0], first[0] + 1, ...` for `counts[0]` numbers, then the next range."""
    before = np.cumsum(counts) - counts
    return np.repeat(first - before, counts) + np.arange(counts.sum())


def _sorted(lengths: np.ndarray) -> np.ndarray:
    # NumPy sorts numbers of 16 bits by radix, ten times as fast.
    if lengths.max(initial=0) < 2**16:
        lengths = lengths.astype(np.uint16)
    return np.argsort(lengths, kind="stable")
