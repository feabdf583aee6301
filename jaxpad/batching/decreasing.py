"""The longest sequences first, on a histogram: rows of equal content are one run."""

from collections import Counter

import numpy as np

from .patterns import Patterns


class Runs:
    """Rows in runs of equal content, made for a known number of distinct lengths.

    Attributes:
        space: free cells of each row of a run; 0 once it holds as many sequences as
            it may.
        room: sequences that each row may still hold.
        rows: of the run.
        first: the number of its first row.
    """

    def __init__(self, capacity: int, max_per_row: int | None, distinct: int):
        self._capacity, self._limit = capacity, max_per_row or capacity
        self._opened = 0
        # For each length: new rows, filled and partly filled, and a run in three.
        self._table = np.zeros((4, 4 * distinct + 1), np.int64)
        self.space, self.room, self.rows, self.first = self._table
        self.held: list[tuple[int, ...]] = []

    def having(self, length: int) -> np.ndarray:
        """The runs whose rows have that much space."""
        return np.flatnonzero(self.space[: len(self.held)] >= length)

    def fill(self, run: int, length: int, left: int) -> int:
        """Puts sequences of that length into the rows, one row after another.

        Returns:
            How many of them are left.
        """
        each = min(int(self.space[run]) // length, int(self.room[run]))
        full, rest = divmod(left, each)
        rows = int(self.rows[run])
        if full >= rows:
            self._put(run, length, each)
            return left - each * rows
        if full + bool(rest) < rows:
            self._split(run, full + bool(rest))
        if rest:
            partly = self._split(run, full) if full else run
            self._put(partly, length, rest)
        if full:
            self._put(run, length, each)
        return 0

    def open(self, length: int, count: int) -> None:
        """Opens as many rows as that many sequences need, and fills them."""
        each = min(self._capacity // length, self._limit)
        rows = -(-count // each)
        run = self._add(self._capacity, self._limit, rows, self._opened, ())
        self._opened += rows
        self.fill(run, length, count)

    def _put(self, run: int, length: int, times: int) -> None:
        self.room[run] -= times
        self.space[run] -= times * length
        if not self.room[run]:
            self.space[run] = 0
        self.held[run] += (length,) * times

    def _split(self, run: int, at: int) -> int:
        """Makes the rows from number `at` on a run of their own."""
        space, room, rows, first = self._table[:, run].tolist()
        self.rows[run] = at
        return self._add(space, room, rows - at, first + at, self.held[run])

    def _add(
        self, space: int, room: int, rows: int, first: int, held: tuple[int, ...]
    ) -> int:
        self._table[:, len(self.held)] = space, room, rows, first
        self.held.append(held)
        return len(self.held) - 1


def decreasing(
    histogram: np.ndarray,
    capacity: int,
    max_per_row: int | None,
    *,
    fullest_first: bool,
) -> Patterns:
    """First fit, or best fit, of the sequences from the longest to the shortest.

    Where one sequence of a length goes, the next of that length goes too, as long as it
    fits: so a length fills row after row, in the order in which the first of them would
    have taken them.

    Args:
        histogram: of lengths, `[capacity + 1]`.
        capacity: cells of a row.
        max_per_row: sequences of a row, None for any number.
        fullest_first: best fit, which of equally full rows takes the first.

    Returns:
        Patterns.
    """
    distinct = histogram.nonzero()[0][::-1].tolist()
    runs = Runs(capacity, max_per_row, len(distinct))
    for length in distinct:
        left, found = int(histogram[length]), runs.having(length)
        keys = (runs.first[found], runs.space[found])
        order = np.lexsort(keys) if fullest_first else np.argsort(keys[0])
        for run in found[order].tolist():
            left = runs.fill(run, length, left)
            if not left:
                break
        else:
            runs.open(length, left)
    patterns: Counter[tuple[int, ...]] = Counter()
    for held, rows in zip(runs.held, runs.rows.tolist(), strict=False):
        patterns[held] += rows
    return patterns
