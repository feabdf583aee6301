"""The linear program over all rows, its bound, and rows that come near it."""

import time
from collections.abc import Mapping

import numpy as np

from ..bounds import counting_bound
from ..catalogue import PACKERS, by_histogram
from ..master import Master
from ..patterns import Patterns
from ..rounding import rounded, size
from .lpfhp import lpfhp


@PACKERS.register
@by_histogram
def column_generation(
    histogram: np.ndarray,
    capacity: int,
    *,
    max_per_row: int | None = None,
    gap: int = 0,
    seconds: float = 60.0,
) -> tuple[Patterns, int]:
    """The fewest rows, or nearly, with a proof of how many are needed.

        min sum_p x_p    such that sum_p a_lp x_p >= h_l,    x >= 0

    over every pattern `p` of lengths that fits a row. Patterns come in as the duals ask
    for them (Gilmore and Gomory, 1961); the solution is rounded and mended. It ends
    when it is at most `gap` rows from what it has proved, when the linear program is
    solved, or after `seconds`, with the best rows so far: how many they are then
    depends on the machine.
    """
    end = time.monotonic() + seconds
    best = lpfhp.patterns(histogram, capacity, max_per_row=max_per_row)
    bound = counting_bound(histogram, capacity, max_per_row)
    master = Master(histogram, capacity, max_per_row or capacity, best)
    parts: Mapping[tuple[int, ...], float] = {}
    while size(best) > bound + gap and not master.solved:
        if (solution := master.solve(end - time.monotonic())) is None:
            break
        value, parts = solution
        bound = max(bound, master.price())
        if master.solved or value <= bound + gap:
            best = min(best, rounded(parts, histogram, capacity, max_per_row), key=size)
            parts = {}
    if parts:  # no time was left
        best = min(best, rounded(parts, histogram, capacity, max_per_row), key=size)
    return best, bound
