"""Shortest-pack-first histogram packing."""

import numpy as np

from ..catalogue import PACKERS, by_histogram
from ..open_rows import OpenRows
from ..patterns import Patterns


@PACKERS.register
@by_histogram
def spfhp(
    histogram: np.ndarray, capacity: int, *, max_per_row: int | None = None
) -> Patterns:
    """The longest first, each into the emptiest row: worst fit on a histogram.

    What is left of a length when no row has room for it opens a row for each sequence.
    "Efficient Sequence Packing without Cross-contamination" (Krell et al., 2021).
    """
    rows = OpenRows(max_per_row or capacity)
    for length in histogram.nonzero()[0][::-1].tolist():
        left = int(histogram[length])
        while left and (space := rows.largest()) >= length:
            taken = min(left, rows.peek(space)[1])
            rows.fill(space, taken, (length,))
            left -= taken
        if left:
            rows.put((length,), left, capacity - length)
    return rows.patterns()
