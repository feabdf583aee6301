"""The rows that the linear program over all patterns proves, of any packer's plan."""

import time

import numpy as np

from .decreasing import decreasing
from .master import Master


def linear_bound(
    histogram: np.ndarray,
    capacity: int,
    max_per_row: int | None,
    *,
    enough: int,
    seconds: float,
) -> int:
    """The rows that are proved to be needed, by whatever packer.

        min sum_p x_p    such that sum_p a_lp x_p >= h_l,    x >= 0

    over every pattern `p` of lengths that fits a row: no whole number of rows below
    that minimum holds all sequences. Each round proves a number of its own, so that it
    may end at any time.

    Args:
        histogram: of lengths, `[capacity + 1]`.
        capacity: cells of a row.
        max_per_row: sequences of a row, if there is a limit.
        enough: rows beyond which nothing is to be proved, those of a plan.
        seconds: it may take, about.

    Returns:
        Rows; 0 if no round ended in time.

    Example:
        >>> linear_bound(np.bincount([5] * 30), 14, None, enough=20, seconds=1.0)
        15

    "A Linear Programming Approach to the Cutting-Stock Problem" (Gilmore and Gomory,
    1961); of a round before the last: Farley, 1990.
    """
    end, bound = time.monotonic() + seconds, 0
    start = decreasing(histogram, capacity, max_per_row, fullest_first=True)
    master = Master(histogram, capacity, max_per_row or capacity, start)
    while bound < enough and not master.solved:
        if master.solve(end - time.monotonic()) is None:
            break
        bound = max(bound, master.price())
    return bound
