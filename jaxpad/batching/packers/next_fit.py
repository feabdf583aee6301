"""One open row: what does not fit closes it."""

import numpy as np

from ..catalogue import PACKERS


@PACKERS.register
def next_fit(
    lengths: np.ndarray, capacity: int, *, max_per_row: int | None = None
) -> np.ndarray:
    """In the order in which they come, into the last row or a new one.

    Sequences stay in order, and nothing is looked at twice. At most twice the rows that
    are needed.
    """
    limit, row, held, space = max_per_row or capacity, -1, 0, 0
    rows = []
    for length in np.asarray(lengths).tolist():
        if length > space or held == limit:
            row, held, space = row + 1, 0, capacity
        held, space = held + 1, space - length
        rows.append(row)
    return np.array(rows)
