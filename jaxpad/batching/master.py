"""The linear program over the patterns that are known so far, and what it lacks."""

from typing import Any

import numpy as np

from .bounds import dual_bound
from .knapsack import Knapsack
from .patterns import Patterns


# The worth at which a pattern would make the solution better, which is above 1.
BETTER = 1 + 1e-9
# Patterns that are added at a time.
MOST_NEW = 200


class Master:
    """Rows with slots, as few as cover the sequences, by patterns that are known.

    A slot also holds a shorter sequence. So the duals cannot fall with the length,
    which keeps them from jumping about: with three sequences in a row of 512 the rounds
    are half as many.

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
        self._duals = np.zeros(len(self._lengths))
        self._proved, self.solved = 0, False

    def solve(
        self, seconds: float
    ) -> tuple[float, dict[tuple[int, ...], float]] | None:
        """Solves it: the number of rows, and of each pattern how many.

        Args:
            seconds: it may take; None comes back if they are not enough.
        """
        from scipy.optimize import linprog  # slow to import

        matrix, cost = self._program()
        scale, limit = self._demand.sum(), {"time_limit": max(seconds, 0.0)}
        covered = (-matrix, -self._demand / scale)
        found = linprog(cost, *covered, method="highs", options=limit)
        if found.status:
            return None
        self._duals = np.maximum(0, -found.ineqlin.marginals)
        rows = (found.x[: len(self._known)] * scale).tolist()
        return found.fun * scale, dict(zip(self._known, rows, strict=True))

    def price(self) -> int:
        """Adds patterns that the duals ask for; the rows that are proved so far."""
        problem = (self._lengths, self._duals, self._capacity, self._limit)
        knapsack = Knapsack(*problem)
        if self._demand @ self._duals / knapsack.values.max() > self._proved:
            self._proved = max(self._proved, dual_bound(self._demand, *problem))
        order = np.argsort(-knapsack.values, kind="stable")
        better = order[knapsack.values[order] > BETTER].tolist()
        rows = dict.fromkeys(map(knapsack.row, better))
        new = [row for row in rows if row not in self._known][:MOST_NEW]
        self._known |= dict.fromkeys(new)
        self.solved = not new
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
