"""The row that is worth most, when a sequence of each length is worth something."""

import numpy as np


class Knapsack:
    """The worthiest row that holds a given length, by dynamic programming.

        best_d[s] = max_l worth[l] + best_{d-1}[s - l],    best_0 = 0

    for at most `d` sequences in `s` cells. Where rows are full before they hold as many
    as they may, one table for every `d` is its own predecessor.

    Args:
        lengths: that there are, `[m]`, ascending.
        worth: of a sequence of each, `[m]`, floats or ints, none negative.
        capacity: cells of a row.
        limit: sequences of a row.

    Attributes:
        values: what the worthiest row with each of the lengths is worth, `[m]`.

    Example:
        >>> knapsack = Knapsack(np.array([2, 3]), np.array([5, 8]), 7, 3)
        >>> knapsack.values, knapsack.row(1)
        (array([18, 18]), (3, 2, 2))
    """

    def __init__(
        self, lengths: np.ndarray, worth: np.ndarray, capacity: int, limit: int
    ):
        self._lengths, self._worth, self._capacity = lengths, worth, capacity
        most = capacity // int(lengths[0])
        best = np.zeros(capacity + 1, worth.dtype)
        if limit < most:
            self._choices = [np.full(capacity + 1, -1)]
            for _ in range(limit - 1):
                best, choice = self._table(best)
                self._choices.append(choice)
        else:
            best, choice = self._table(None)
            self._choices = [choice] * most
        self.values = worth + best[capacity - lengths]

    def row(self, held: int) -> tuple[int, ...]:
        """The lengths in the worthiest row that has number `held` of them."""
        found, space = [held], self._capacity - self._lengths[held]
        for choice in self._choices[::-1]:
            if (number := int(choice[space])) < 0:
                break
            found.append(number)
            space -= self._lengths[number]
        return tuple(self._lengths[found].tolist())

    def _table(self, before: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The worth of each space, and the length that is put in first."""
        best = np.zeros(self._capacity + 1, self._worth.dtype)
        choice = np.full(self._capacity + 1, -1)
        before = best if before is None else before
        spaces = np.arange(self._capacity + 1)
        fitting = np.searchsorted(self._lengths, spaces, side="right").tolist()
        for space in range(int(self._lengths[0]), self._capacity + 1):
            fit = fitting[space]
            worths = self._worth[:fit] + before[space - self._lengths[:fit]]
            choice[space] = worths.argmax()
            best[space] = worths[choice[space]]
        return best, choice
