"""The rows that the linear program over all patterns proves, of any packer's plan."""

import time
from collections.abc import Iterator

import numpy as np

from .decreasing import decreasing
from .master import Master


COARSE = 64  # cells of a row, to begin with


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
    that minimum holds all sequences. It is solved on ever finer grids: lengths and
    capacity in units of g cells, rounded down, only make room, so that what is proved
    of them holds. Each round proves a number, too, so that it may end at any time.

    Args:
        histogram: of lengths, `[capacity + 1]`.
        capacity: cells of a row.
        max_per_row: sequences of a row, if there is a limit.
        enough: rows beyond which nothing is to be proved, those of a plan.
        seconds: it may take, but for the round that it is in.

    Returns:
        Rows; 0 if no round ended in time.

    Example:
        >>> linear_bound(np.bincount([5] * 30), 14, None, enough=20, seconds=1.0)
        15

    "A Linear Programming Approach to the Cutting-Stock Problem" (Gilmore and Gomory,
    1961); of a round before the last: Farley, 1990.
    """
    end, bound = time.monotonic() + seconds, 0
    for counts in _grids(histogram, capacity):
        if bound >= enough:
            break
        cells = len(counts) - 1
        start = decreasing(counts, cells, max_per_row, fullest_first=True)
        master = Master(counts, cells, max_per_row or cells, start)
        while bound < enough and not master.solved:
            if master.solve(end - time.monotonic()) is None:
                return bound
            bound = max(bound, master.price())
    return bound


def _grids(histogram: np.ndarray, capacity: int) -> Iterator[np.ndarray]:
    """Histograms in units of 2^k, ..., 4, 2 and 1 cells."""
    lengths = np.arange(capacity + 1)
    for k in reversed(range(max(1, (capacity // COARSE).bit_length()))):
        counts = np.zeros((capacity >> k) + 1, np.int64)
        np.add.at(counts, lengths[: len(histogram)] >> k, histogram)
        counts[0] = 0  # What has become too short to count is left out.
        if counts.any():
            yield counts
