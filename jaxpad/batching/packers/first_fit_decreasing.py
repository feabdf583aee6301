"""The longest first, each into the first row that has room."""

import numpy as np

from ..catalogue import PACKERS, by_histogram
from ..decreasing import decreasing
from ..patterns import Patterns


@PACKERS.register
@by_histogram
def first_fit_decreasing(
    histogram: np.ndarray, capacity: int, *, max_per_row: int | None = None
) -> Patterns:
    """The longest first, each into the first row that has room.

    Without `max_per_row` at most 11/9 of the rows that are needed, and one more
    (Johnson, 1973; Dosa, 2007).
    """
    return decreasing(histogram, capacity, max_per_row, fullest_first=False)
