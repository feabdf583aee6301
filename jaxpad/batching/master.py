"""The linear program over the patterns that are known so far, and what it lacks."""

from typing import Any

import numpy as np

from .bounds import dual_bound
from .knapsack import Knapsack
from .patterns import Patterns


# The worth at which a pattern would make the solution better, which is above 1.
BETTER = 1 + 1e-9
# Of the best worths so far in those that patterns are looked for with.
SMOOTH = 0.5
# Patterns that one search adds.
MOST_NEW = 100


class Master:
    """Rows with slots, as few as cover the sequences, by patterns that are known.

    A slot also holds a shorter sequence: so the duals rise with the length, and only
    rows that are nearly full are ever worth anything.

    Args:
        histogram: of lengths, `[capacity + 1]`.
        capacity: cells of a row.
        limit: sequences of a row.
        start: patterns that hold every length.

    Attributes:
        solved: whether no other pattern would make the solution better.
    """

    def __init__(
        self, histogram: np.ndarray, capacity: int, limit: int, start: Patterns
    ):
        self._lengths = histogram.nonzero()[0]
        self._demand = histogram[self._lengths]
        self._capacity, self._limit = capacity, limit
        self._place = {int(length): i for i, length in enumerate(self._lengths)}
        self._known: dict[tuple[int, ...], None] = dict.fromkeys(start)
        self._duals = self._best = np.zeros(len(self._lengths))
        self._bound, self._proved, self.solved = 0.0, 0, False

    def solve(self) -> tuple[float, dict[tuple[int, ...], float]]:
        """Solves it: the number of rows, and of each pattern how many."""
        from scipy.optimize import linprog  # slow to import

        matrix, cost = self._program()
        scale = self._demand.sum()
        found = linprog(cost, -matrix, -self._demand / scale, method="highs")
        self._duals = np.maximum(0, -found.ineqlin.marginals)
        rows = (found.x[: len(self._known)] * scale).tolist()
        return found.fun * scale, dict(zip(self._known, rows, strict=True))

    def price(self) -> int:
        """Adds patterns that the duals ask for; the rows that are proved so far.

        Duals of an unfinished program jump from corner to corner. Halfway to the best
        so far they find patterns that stay (Wentges, 1997).
        """
        smooth = SMOOTH * self._best + (1 - SMOOTH) * self._duals
        added = [self._search(worth) for worth in (smooth, self._duals)]
        self.solved = not any(added)
        return self._proved

    def _program(self) -> tuple[Any, np.ndarray]:
        """Slots of each length that a column makes, and what the column costs."""
        from scipy.sparse import coo_array

        slots, rows = len(self._lengths), len(self._known)
        held = [self._place[part] for row in self._known for part in row]
        owner = np.repeat(np.arange(rows), [len(row) for row in self._known])
        # Beside the patterns: a slot becomes one of the length below.
        longer, turn = np.arange(1, slots), rows + np.arange(slots - 1)
        signs = np.repeat([1.0, -1.0, 1.0], [len(held), slots - 1, slots - 1])
        places = (
            np.concatenate([held, longer, longer - 1]).astype(np.int64),
            np.concatenate([owner, turn, turn]),
        )
        matrix = coo_array((signs, places), shape=(slots, rows + slots - 1))
        return matrix.tocsc(), np.repeat([1.0, 0.0], [rows, slots - 1])

    def _search(self, worth: np.ndarray) -> int:
        """Adds the patterns of the most worth, and returns how many are better."""
        knapsack = Knapsack(self._lengths, worth, self._capacity, self._limit)
        if (most := knapsack.values.max()) <= 0:
            return 0
        if (proved := self._demand @ worth / most) > self._bound:
            self._bound, self._best = proved, worth / most
            exact = (self._lengths, self._demand, self._best)
            self._proved = dual_bound(*exact, self._capacity, self._limit)
        found = {knapsack.row(i) for i in range(len(self._lengths))}
        worths = {row: self._worth_of(row) for row in found - self._known.keys()}
        better = sorted((w, row) for row, w in worths.items() if w > BETTER)
        for _, row in better[-MOST_NEW:]:
            self._known[row] = None
        return len(better)

    def _worth_of(self, row: tuple[int, ...]) -> float:
        """What a pattern is worth to the solution: above 1 it would make it better."""
        return sum(self._duals[self._place[part]] for part in row)
