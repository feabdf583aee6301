"""A solution in parts of rows becomes one in whole rows."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from .decreasing import decreasing
from .patterns import Patterns
from .slots import fill_slots


# A part of a row at least that large becomes a whole one.
UP = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)


def rounded(
    parts: Mapping[tuple[int, ...], float],
    histogram: np.ndarray,
    capacity: int,
    max_per_row: int | None,
) -> Patterns:
    """Whole rows for all sequences: the fewest of several roundings.

    What finds no slot after rounding is packed by best fit decreasing.

    Args:
        parts: how many rows of each pattern of slots, in parts of a row.
        histogram: of the sequences, `[capacity + 1]`.
        capacity: cells of a row.
        max_per_row: sequences of a row, if there is a limit.

    Returns:
        Patterns of sequences.
    """

    def whole(up: float) -> Patterns:
        slots = {row: int(x + 1 - up + 1e-6) for row, x in parts.items()}
        filled, left = fill_slots({r: n for r, n in slots.items() if n}, histogram)
        rest = decreasing(left, capacity, max_per_row, fullest_first=True)
        return Counter(filled) + Counter(rest)

    return min(map(whole, UP), key=size)


def size(patterns: Patterns) -> int:
    """The rows of all patterns."""
    return sum(patterns.values())
