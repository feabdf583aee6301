"""What the options of crops may be."""

import math
import numbers
import operator
from typing import Any

from .records import MOST_PIXELS


def check_sides(name: str, size: Any, *, pair: bool = False) -> tuple[int, int]:
    """Height and width from a side in pixels, or if `pair` from two.

    Raises:
        ValueError: for anything else.

    Example:
        >>> check_sides("size", 32), check_sides("size", (32, 64), pair=True)
        ((32, 32), (32, 64))
    """
    both: Any = size if pair and isinstance(size, tuple | list) else (size, size)
    try:
        high, wide = map(_whole, both)
    except (TypeError, ValueError):
        high = wide = 0
    if min(high, wide) < 1 or high * wide > MOST_PIXELS:
        expected = ", or two: (height, width)" if pair else ""
        limit = f"; {MOST_PIXELS:,} in all at most" if high > 0 else ""
        raise ValueError(
            f"{name}={size!r}: expected a whole number of pixels, 1 or more{expected}"
            f"{limit}."
        )
    return high, wide


def _whole(side: Any) -> int:
    if isinstance(side, bool):  # a whole number to Python, and none to OpenCV
        raise TypeError
    return operator.index(side)


def check_range(name: str, values: Any, most: float = math.inf) -> None:
    """Raises for what is no smallest and largest number, both above 0.

    Args:
        name: of the option.
        values: what came.
        most: what neither may exceed.

    Raises:
        ValueError: with what was expected.
    """
    two = isinstance(values, tuple | list) and len(values) == 2
    if two and all(isinstance(value, numbers.Real) for value in values):
        if 0 < values[0] <= values[1] <= most and math.isfinite(values[1]):
            return
    limit = f" and at most {most:g}" if math.isfinite(most) else ""
    raise ValueError(
        f"{name}={values!r}: expected two numbers above 0{limit}, the smallest first."
    )
