"""Which cells of an axis a window reads, and which cells of the image those see."""

import math
from typing import NamedTuple

import numpy as np


# The interval of a cell that sees nothing of the image: its end is before its start,
# and no sum of shifts can change that.
NOTHING = (1 << 40, -(1 << 40))


class Reads(NamedTuple):
    """The cells that each output reads along one axis.

    Attributes:
        position: `[outputs, taps]`; below 0 and from n on lies padding.
        there: `[outputs, taps]`; False for a tap on a cell between the cells, which
            input dilation put there.
    """

    position: np.ndarray
    there: np.ndarray


class Window(NamedTuple):
    """A sliding window along one axis; slice, reverse and repeat are windows too.

    Attributes:
        outputs: windows.
        first: where the first window begins, negative in padding.
        stride: between windows; -1 reverses, 0 broadcasts.
        taps: of a window.
        step: between taps.
        spread: cells that each cell of the axis becomes before the window slides.
        gaps: whether only the first of those is the cell (input dilation), or all of
            them are (repetition).
    """

    outputs: int
    first: int = 0
    stride: int = 1
    taps: int = 1
    step: int = 1
    spread: int = 1
    gaps: bool = True

    def reads(self, outputs: np.ndarray | None = None) -> Reads:
        """What the windows `outputs` read (default: all)."""
        outputs = np.arange(self.outputs) if outputs is None else outputs
        cell = self.first + self.stride * outputs[:, None]
        cell = cell + self.step * np.arange(self.taps)
        there = cell % self.spread == 0 if self.gaps else np.ones(cell.shape, bool)
        return Reads(cell // self.spread, there)


class Pattern(NamedTuple):
    """What the cells of an axis would see of an image without end.

    Cell `i` sees from `lo[i % p] + shift (i // p)` to `hi[i % p] + shift (i // p)`,
    with `p` the number of phases: one, but for what upsamples.
    """

    lo: np.ndarray
    hi: np.ndarray
    shift: int

    def at(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and last image cell that each of `cells` sees."""
        turn, phase = np.divmod(cells, len(self.lo))
        return self.lo[phase] + self.shift * turn, self.hi[phase] + self.shift * turn


def hull(
    lo: np.ndarray, hi: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest interval around those of each output's taps `[outputs, taps]`."""
    lo, hi = np.where(there, lo, NOTHING[0]), np.where(there, hi, NOTHING[1])
    return lo.min(1, initial=NOTHING[0]), hi.max(1, initial=NOTHING[1])


def slide(pattern: Pattern | None, window: Window | Reads) -> Pattern | None:
    """The pattern after a window; None for reads that follow no rule."""
    if pattern is None or isinstance(window, Reads):
        return None
    # After so many outputs the window begins at the same phase again.
    turn = len(pattern.lo) * window.spread
    phases = turn // math.gcd(turn, window.stride)
    reads = window.reads(np.arange(phases))
    lo, hi = hull(*pattern.at(reads.position), reads.there)
    return shortest(Pattern(lo, hi, pattern.shift * window.stride * phases // turn))


def shortest(pattern: Pattern) -> Pattern:
    """The same pattern with as few phases as possible."""
    cells = np.arange(len(pattern.lo))
    for phases in range(1, len(cells)):
        if len(cells) % phases == 0 and pattern.shift * phases % len(cells) == 0:
            shift = pattern.shift * phases // len(cells)
            short = Pattern(pattern.lo[:phases], pattern.hi[:phases], shift)
            if all(map(np.array_equal, short.at(cells), pattern.at(cells))):
                return short
    return pattern


def both(a: Pattern | None, b: Pattern | None) -> Pattern | None:
    """What two branches that are added see; None if they drift apart."""
    if a is None or b is None:
        return None
    if a.shift * len(b.lo) != b.shift * len(a.lo):
        return None
    phases = math.lcm(len(a.lo), len(b.lo))
    (a_lo, a_hi), (b_lo, b_hi) = (p.at(np.arange(phases)) for p in (a, b))
    shift = a.shift * phases // len(a.lo)
    return shortest(Pattern(np.minimum(a_lo, b_lo), np.maximum(a_hi, b_hi), shift))
