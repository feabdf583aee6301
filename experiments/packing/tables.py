"""Rows, their bound and the time of every packer at every depth."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize  # noqa: F401  packers import it when they need it: not timed

from jaxpad.batching import PACKERS, Plan, plan


Say = Callable[[str], None]
# Sequences that may share a row.
DEPTHS: dict[str, int | None] = {str(n): n for n in (1, 2, 3, 4, 8)}
DEPTHS["any"] = None
# Seconds that "column_generation" may take; and repeats of what takes little, of which
# the shortest counts.
LIMIT, REPEATS, SHORT = 300.0, 5, 0.2


def measure(histogram: np.ndarray, say: Say) -> dict[str, Any]:
    """By packer and depth; and by depth the best proof of how many rows it takes."""
    found: dict[str, Any] = {name: {} for name in PACKERS}
    bounds: dict[str, int] = {}
    for depth, most in DEPTHS.items():
        for name in PACKERS:
            say(f"{name}, depth {depth}")
            if (name, depth) == ("nnlshp", "any"):
                continue  # It has no such form: without a depth it takes 3.
            found[name][depth], bound = one(histogram, name, most)
            bounds[depth] = max(bounds.get(depth, 0), bound)
    return {"limit": LIMIT, "bounds": bounds, "packers": found}


def one(
    histogram: np.ndarray, name: str, most: int | None
) -> tuple[dict[str, Any], int]:
    """One packer at one depth, or why it refuses; and the rows that it proves."""
    spec = f"{name}(seconds={LIMIT})" if name == "column_generation" else name
    capacity, began = len(histogram) - 1, time.monotonic()
    try:
        planned, seconds = timed(
            lambda: plan(histogram, capacity, spec, max_per_row=most, proof_seconds=0.0)
        )
    except ValueError as e:
        return {"refused": str(e)}, 0
    row = {
        "rows": planned.rows,
        "efficiency": round(planned.efficiency, 6),
        "most in a row": max(map(len, planned.patterns)),
        "seconds": round(seconds, 4),
    }
    if name == "column_generation" and time.monotonic() - began >= LIMIT:
        row["stopped"] = True
    return row, planned.bound


def timed(call: Callable[[], Plan]) -> tuple[Plan, float]:
    """The plan, and CPU seconds: the fewest of some repeats where they are few."""
    seconds: list[float] = []
    while True:
        start = time.process_time()
        planned = call()
        seconds.append(time.process_time() - start)
        if seconds[0] > SHORT or len(seconds) == REPEATS:
            return planned, min(seconds)
