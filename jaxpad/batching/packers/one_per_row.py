"""No packing: each sequence has a row of its own."""

import numpy as np

from ..catalogue import PACKERS, by_histogram
from ..patterns import Patterns


@PACKERS.register
@by_histogram
def one_per_row(
    histogram: np.ndarray, capacity: int, *, max_per_row: int | None = None
) -> Patterns:
    """Each sequence alone, padded to the capacity: what packing is compared with."""
    return {(int(length),): int(histogram[length]) for length in histogram.nonzero()[0]}
