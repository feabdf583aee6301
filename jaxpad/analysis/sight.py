"""`Sight`: what the cells of an array see of the image it was computed from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .windows import NOTHING, Pattern, Reads, Window, hull, slide


class Axis(NamedTuple):
    """What an array's cells see along one axis of the image.

    Attributes:
        at: the axis of the array along which that changes; None if all cells see the
            same.
        lo: the first image cell that each cell sees; one entry if `at` is None.
        hi: the last; before `lo` where a cell sees nothing.
        pattern: the rule behind them, if there is one.
    """

    at: int | None
    lo: np.ndarray
    hi: np.ndarray
    pattern: Pattern | None


class Sight(NamedTuple):
    """What an array sees of the image.

    Attributes:
        axes: one entry per space axis of the image.
        real: the part of each cell that comes from the image rather than from
            padding; its axis `a` follows `axes[a].at`, and has one entry if that is
            None.
        present: False for cells that are no part of a mean: those between cells
            (input dilation) and those that never win a maximum.
        unknown: primitives on the way that were taken to see everything.
        born: when it was computed; halos are cut from images that are older.
        terms: what was summed, if some of it lies among zeros.
    """

    axes: tuple[Axis, ...]
    real: np.ndarray
    present: np.ndarray
    unknown: frozenset[str] = frozenset()
    born: int = 0
    terms: tuple["Term", ...] = ()

    def axis_at(self, at: int) -> list[int]:
        """The image axes that the array's axis `at` follows."""
        return [a for a, axis in enumerate(self.axes) if axis.at == at]


class Term(NamedTuple):
    """Part of a sum: an array, and how it came to lie among zeros.

    Attributes:
        sight: of the array.
        steps: its shape before each step, and the windows by axis; none if the array
            is all of the sum's size.
    """

    sight: Sight
    steps: tuple[tuple[tuple[int, ...], Mapping[int, Window]], ...] = ()


def of_image(space: Sequence[int]) -> Sight:
    """What an image `[batch, *space, channels]` sees: each cell itself."""
    one = Pattern(np.zeros(1, int), np.zeros(1, int), 1)
    axes = [Axis(a + 1, np.arange(n), np.arange(n), one) for a, n in enumerate(space)]
    return Sight(tuple(axes), np.ones(tuple(space)), np.ones(tuple(space), bool))


def through(
    sight: Sight, windows: Mapping[int, Window | Reads], *, absent: bool = False
) -> Sight:
    """Windows over some axes of an array.

    Args:
        sight: of the array.
        windows: by the array's axis; other axes stay.
        absent: whether cells beyond the axis are left out of the mean instead of
            counted as padding.
    """
    moved = {
        a: windows[axis.at]
        for a, axis in enumerate(sight.axes)
        if axis.at is not None and axis.at in windows
    }
    if not moved:
        return sight
    axes = list(sight.axes)
    for a, window in moved.items():
        old, reads = axes[a], _reads(window)
        inside = (reads.position >= 0) & (reads.position < len(old.lo)) & reads.there
        # Beyond the end lies a cell that sees nothing, also where the axis has none.
        cells = np.where(inside, reads.position, len(old.lo))
        lo = np.append(old.lo, NOTHING[0])[cells]
        hi = np.append(old.hi, NOTHING[1])[cells]
        lo, hi = hull(lo, hi, inside)
        axes[a] = Axis(old.at, lo, hi, slide(old.pattern, window))
    real, present = _means(sight, {a: _reads(w) for a, w in moved.items()}, absent)
    return sight._replace(axes=tuple(axes), real=real, present=present)


def among_zeros(
    sight: Sight, sizes: tuple[int, ...], windows: Mapping[int, Window]
) -> Sight:
    """Windows as in `through`, on an array of shape `sizes`; sums see the zeros."""
    step = (sizes, windows)
    terms = [Term(x, (*steps, step)) for x, steps in sight.terms or (Term(sight),)]
    return through(sight, windows)._replace(terms=tuple(terms))


def _reads(window: Window | Reads) -> Reads:
    return window if isinstance(window, Reads) else window.reads()


def _means(
    sight: Sight, reads: Mapping[int, Reads], absent: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The mean over each window of the part that is real."""
    count = sight.present.astype(np.float64)
    total = sight.real * count
    margins = [(0, 0)] * total.ndim
    for a, (position, _) in reads.items():
        beyond = position.max(initial=0) - total.shape[a] + 1
        margins[a] = (max(-position.min(initial=0), 0), max(beyond, 0))
    total = np.pad(total, margins)
    count = np.pad(count, margins, constant_values=0.0 if absent else 1.0)
    for a, (position, there) in reads.items():
        cells = position + margins[a][0]
        total, count = _sums(total, cells, there, a), _sums(count, cells, there, a)
    return ratio(total, count), count > 0


def _sums(x: np.ndarray, cells: np.ndarray, there: np.ndarray, axis: int) -> np.ndarray:
    """The sum over each output's taps along one axis."""
    x = np.moveaxis(x, axis, -1)
    taps = [x[..., cells[:, t]] * there[:, t] for t in range(cells.shape[1])]
    return np.moveaxis(np.sum(taps, axis=0), -1, axis)


def ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """`total / count`, and 0 where nothing was counted."""
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def collapse(sight: Sight, axes: Sequence[int]) -> Sight:
    """The cells along the array's `axes` are mixed: each sees what all of them see."""
    for a in (a for at in axes for a in sight.axis_at(at)):
        lo = sight.axes[a].lo.min(keepdims=True, initial=NOTHING[0])
        hi = sight.axes[a].hi.max(keepdims=True, initial=NOTHING[1])
        count = sight.present.sum(a, keepdims=True)
        total = (sight.real * sight.present).sum(a, keepdims=True)
        new = (*sight.axes[:a], Axis(None, lo, hi, None), *sight.axes[a + 1 :])
        real, present = ratio(total.astype(np.float64), count), count > 0
        sight = sight._replace(axes=new, real=real, present=present)
    return sight


def everything(sight: Sight) -> Sight:
    """All of the cells are mixed."""
    return collapse(sight, [axis.at for axis in sight.axes if axis.at is not None])


def move(sight: Sight, to: Mapping[int, int]) -> Sight:
    """The array's axes change place; those that `to` lacks are gone."""
    gone = [x.at for x in sight.axes if x.at is not None and x.at not in to]
    sight = collapse(sight, gone)
    axes = [x if x.at is None else x._replace(at=to[x.at]) for x in sight.axes]
    return sight._replace(axes=tuple(axes))
