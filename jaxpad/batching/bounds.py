"""How few rows there can be: numbers that are proved, whatever the packer does."""

import numpy as np

from .knapsack import Knapsack


# Worths of sequences as multiples of 2^-40: a row of 2^22 of them fits 63 bits.
DIGITS = 40


def counting_bound(
    histogram: np.ndarray, capacity: int, max_per_row: int | None
) -> int:
    """The rows that cells alone, sequences alone and long sequences alone need.

        max(ceil(cells / capacity), ceil(sequences / max_per_row), longer than half)

    Args:
        histogram: of lengths, `[capacity + 1]`.
        capacity: cells of a row.
        max_per_row: sequences of a row, if there is a limit.

    Returns:
        Rows.

    Example:
        >>> counting_bound(np.array([0, 0, 0, 5, 0, 0]), 5, None)
        5
    """
    cells = int(histogram @ np.arange(len(histogram)))
    sequences = int(histogram.sum())
    long = int(histogram[capacity // 2 + 1 :].sum())
    return max(-(-cells // capacity), -(-sequences // (max_per_row or sequences)), long)


def dual_bound(
    demand: np.ndarray,
    lengths: np.ndarray,
    worth: np.ndarray,
    capacity: int,
    limit: int,
) -> int:
    """The rows that a worth of each sequence proves, in whole numbers.

        ceil(sum_l demand[l] worth[l] / max over rows of sum_{l in row} worth[l])

    as no row can hold more worth than the worthiest (Farley, 1990). The worths come
    from a solver and are rounded; of the rounded ones it is exact. At the duals of the
    linear program it is that program's own bound.

    Args:
        demand: sequences of each length, `[m]`.
        lengths: that there are, `[m]`, ascending.
        worth: of a sequence of each, `[m]`, between 0 and 1.
        capacity: cells of a row.
        limit: sequences of a row.

    Returns:
        Rows.
    """
    whole = np.floor(np.clip(worth, 0, 1) * 2**DIGITS).astype(np.int64)
    most = int(Knapsack(lengths, whole, capacity, limit).values.max())
    total = sum(
        count * each
        for count, each in zip(demand.tolist(), whole.tolist(), strict=True)
    )
    return -(-total // most) if most else 0
