"""The longest first, each into the fullest row that has room."""

import numpy as np

from ..catalogue import PACKERS, by_histogram
from ..decreasing import decreasing
from ..patterns import Patterns


@PACKERS.register
@by_histogram
def best_fit_decreasing(
    histogram: np.ndarray, capacity: int, *, max_per_row: int | None = None
) -> Patterns:
    """The longest first, each into the row that it fills most.

    Of equally full rows the first. The bound of `first_fit_decreasing` holds here too.
    """
    return decreasing(histogram, capacity, max_per_row, fullest_first=True)
