"""Sizes by counting: sets of cells, and the windows that lie on them."""

from collections.abc import Callable
from typing import Any


def windows(
    i: int, k: int, s: int = 1, lo: int = 0, hi: int = 0, d: int = 1
) -> list[set[int]]:
    """Every window whose taps are all on the axis or on the cells added to it."""
    axis = set(range(-lo, i + hi))
    every = ({start + t * d for t in range(k)} for start in range(-lo, i + hi, s))
    return [window for window in every if window <= axis]


def restored(
    i: int, k: int, s: int = 1, p: int = 0, a: int = 0, d: int = 1
) -> int | None:
    """The input of which the convolution makes `i` outputs and leaves `a` cells."""
    for size in range(1, s * i + d * k + a + 1):
        found = windows(size, k, s, p, p, d)
        if len(found) == i and size + p - 1 - max(found[-1]) == a:
            return size
    return None


def over_the_end(i: int, k: int, s: int, p: int, d: int) -> int:
    """Windows of a longer axis that miss the real one by less than a stride."""
    return sum(min(window) < i for window in windows(i, k, s, p, p + s - 1, d))


COUNTED: dict[Any, Callable[..., int | None]] = {
    1: lambda i, k: len(windows(i, k)),
    2: lambda i, k, p: len(windows(i, k, 1, p, p)),
    3: lambda i, k: len(windows(i, k, 1, k // 2, k // 2)) if k % 2 else None,
    4: lambda i, k: len(windows(i, k, 1, k - 1, k - 1)),
    5: lambda i, k, s: len(windows(i, k, s)),
    6: lambda i, k, s, p: len(windows(i, k, s, p, p)),
    7: lambda i, k, s: len(windows(i, k, s)),
    8: restored,
    9: lambda i, k, p: restored(i, k, 1, p),
    10: lambda i, k: restored(i, k, 1, k // 2) if k % 2 else None,
    11: lambda i, k: restored(i, k, 1, k - 1),
    12: restored,
    13: restored,
    14: restored,
    15: lambda i, k, s, p, d: len(windows(i, k, s, p, p, d)),
    "asymmetric": lambda *case: len(windows(*case)),
    "ceil_mode": over_the_end,
    "causal": lambda i, k, s, d: len(windows(i, k, s, d * (k - 1), 0, d)),
    "transposed_dilated": restored,
}
