"""Several open rows, of which the fullest with room is taken."""

import heapq
from collections import defaultdict

import numpy as np

from ...conv.arguments import whole
from ..catalogue import PACKERS
from ..spaces import smallest


@PACKERS.register
def best_fit(
    lengths: np.ndarray,
    capacity: int,
    *,
    max_per_row: int | None = None,
    open_rows: int = 64,
) -> np.ndarray:
    """In the order in which they come, each into the open row that it fills most.

    When none of `open_rows` has room, all are closed and as many new ones opened: rows
    leave as a batch, as those of Grain's `BestFitPackIterDataset` do.
    """
    open_rows = whole("open_rows", open_rows)
    rows, limit = [], max_per_row or capacity
    batch = first = 0  # rows that were opened in this batch, and before it
    spaces, with_space, held = 0, defaultdict(list), []
    for length in np.asarray(lengths).tolist():
        space = smallest(spaces, length)
        if space < 0:
            if batch == open_rows:
                spaces, with_space = 0, defaultdict(list)
                first, batch, held = first + batch, 0, []
            row, space, batch = batch, capacity, batch + 1
            held.append(0)
        else:
            row = heapq.heappop(with_space[space])  # the first of equally full ones
            if not with_space[space]:
                spaces ^= 1 << space
        held[row] += 1
        if space > length and held[row] < limit:
            heapq.heappush(with_space[space - length], row)
            spaces |= 1 << space - length
        rows.append(first + row)
    return np.array(rows)
