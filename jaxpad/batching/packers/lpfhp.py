"""Longest-pack-first histogram packing."""

import numpy as np

from ..catalogue import PACKERS, by_histogram
from ..open_rows import OpenRows
from ..patterns import Patterns


@PACKERS.register
@by_histogram
def lpfhp(
    histogram: np.ndarray, capacity: int, *, max_per_row: int | None = None
) -> Patterns:
    """The longest first, each into the fullest row: best fit on a histogram.

    A length goes into a row as often as it fits. `best_fit_decreasing` but for which of
    equally full rows is taken, which matters under `max_per_row` alone.
    "Efficient Sequence Packing without Cross-contamination" (Krell et al., 2021).
    """
    limit = max_per_row or capacity
    rows = OpenRows(limit)
    for length in histogram.nonzero()[0][::-1].tolist():
        left = int(histogram[length])
        while left:
            space = rows.smallest(length)
            held, there = rows.peek(space) if space > 0 else ((), left)
            free = space if held else capacity
            each = min(free // length, limit - len(held), left)
            taken = min(there, left // each)
            if held:
                rows.fill(space, taken, (length,) * each)
            else:
                rows.put((length,) * each, taken, capacity - each * length)
            left -= each * taken
    return rows.patterns()
