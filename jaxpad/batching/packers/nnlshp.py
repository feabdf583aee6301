"""Non-negative least squares histogram packing."""

from collections.abc import Iterator

import numpy as np

from ..catalogue import PACKERS, by_histogram
from ..patterns import Patterns, histogram_of
from ..slots import fill_slots


# Of the matrix: 256 MiB, which take half an hour.
MOST_NUMBERS = 2**25
# A cell of padding in place of a sequence of at most SHORT cells is forgiven.
SHORT, FORGIVEN = 8, 0.09


@PACKERS.register
@by_histogram
def nnlshp(
    histogram: np.ndarray, capacity: int, *, max_per_row: int | None = None
) -> Patterns:
    """Least squares over all rows that are full to the last cell, then rounded.

        min_{x >= 0} ||w (A x - h)||,    A: lengths in each full row of at most 3

    or of at most `max_per_row` sequences. What rounding leaves over goes into rows of
    two slots. Made for 3 sequences a row: with fewer few lengths can share a full row,
    with more there are too many full rows.
    "Efficient Sequence Packing without Cross-contamination" (Krell et al., 2021).
    """
    from scipy.optimize import nnls  # slow to import

    limit = min(max_per_row or 3, capacity)
    _refuse_many(capacity, limit)
    full = list(full_rows(capacity, limit, capacity))
    matrix = np.zeros((capacity + 1, len(full)))
    for column, row in enumerate(full):
        np.add.at(matrix[:, column], np.array(row), 1)
    weights = np.where(np.arange(capacity + 1) <= SHORT, FORGIVEN, 1.0)
    solution, _ = nnls(weights[:, None] * matrix, weights * histogram)
    counts = np.rint(solution).astype(np.int64).tolist()
    slots = {row: n for row, n in zip(full, counts, strict=True) if n}
    over = histogram - histogram_of(slots, capacity)
    for length in np.flatnonzero(over > 0).tolist():
        paired = limit > 1 and length < capacity
        row = (length, capacity - length) if paired else (length,)
        row = tuple(sorted(row, reverse=True))
        slots[row] = slots.get(row, 0) + int(over[length])
    return fill_slots(slots, histogram)[0]


def full_rows(cells: int, parts: int, most: int) -> Iterator[tuple[int, ...]]:
    """The ways to write `cells` as a sum of at most `parts` numbers, the largest first.

    Example:
        >>> list(full_rows(4, 2, 4))
        [(4,), (3, 1), (2, 2)]
    """
    if not cells:
        yield ()
    if not parts:
        return
    for first in range(min(cells, most), -(-cells // parts) - 1, -1):
        if first:
            for rest in full_rows(cells - first, parts - 1, first):
                yield first, *rest


def _refuse_many(capacity: int, limit: int) -> None:
    ways = [1, *[0] * capacity]  # as many as sums of the numbers 1 to limit
    for part in range(1, limit + 1):
        for cells in range(part, capacity + 1):
            ways[cells] += ways[cells - part]
        if ways[capacity] * (capacity + 1) > MOST_NUMBERS:
            raise ValueError(
                f"nnlshp: {ways[capacity]:,} rows of capacity={capacity} are full with "
                f"at most {part} sequences, too many to enumerate. Take "
                'packer="column_generation", which finds those that it needs, or a '
                "smaller max_per_row."
            )
