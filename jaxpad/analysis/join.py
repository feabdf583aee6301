"""Several arrays become one: cell by cell, or laid end to end."""

import itertools
from collections.abc import Sequence

import numpy as np

from .sight import Axis, Sight, Term, collapse, ratio, through
from .windows import Window, both


def join(sights: Sequence[Sight], weights: Sequence[float] | None = None) -> Sight:
    """What a function of several arrays, cell by cell, sees.

    The part of it that is real is the mean of theirs, by `weights`.
    """
    if len(sights) == 1:
        return sights[0]
    rank = len(sights[0].axes)
    for a in range(rank):
        if len({s.axes[a].at for s in sights} - {None}) > 1:
            sights = [collapse(s, _places(s, a)) for s in sights]
    axes = tuple(_join_axes([s.axes[a] for s in sights]) for a in range(rank))
    weights = weights or [1.0] * len(sights)
    pairs = list(zip(sights, weights, strict=True))
    # By addition of arrays and not by sum(), so that they broadcast.
    count = np.asarray(sum(s.present * weight for s, weight in pairs))
    total = np.asarray(sum(s.real * s.present * weight for s, weight in pairs))
    unknown = frozenset().union(*(s.unknown for s in sights))
    return Sight(axes, ratio(total, count), count > 0, unknown)


def _places(sight: Sight, a: int) -> list[int]:
    at = sight.axes[a].at
    return [] if at is None else [at]


def _join_axes(axes: Sequence[Axis]) -> Axis:
    lo, hi, pattern = axes[0].lo, axes[0].hi, axes[0].pattern
    for axis in axes[1:]:
        lo, hi = np.minimum(lo, axis.lo), np.maximum(hi, axis.hi)
        pattern = both(pattern, axis.pattern)
    at = next((axis.at for axis in axes if axis.at is not None), None)
    return Axis(at, lo, hi, pattern)


def lay_end_to_end(
    sights: Sequence[Sight | None], sizes: Sequence[int], at: int
) -> Sight:
    """Concatenation along the arrays' axis `at`.

    What is laid around an image is its padding, unless it goes on where the image
    ends: then an image was cut in parts before. The image is the array that holds
    the most of it; of those that hold as much, the oldest.

    Args:
        sights: of the arrays; None for one that does not depend on the image.
        sizes: cells of the arrays along `at`.
        at: their axis.
    """
    known = [s for s in sights if s is not None]
    follow = {a for s in known for a in s.axis_at(at)}
    if not follow:
        pairs = zip(sights, sizes, strict=True)
        return join(known, [float(n) for s, n in pairs if s is not None])
    image = max(known, key=lambda s: (_image_cells(s, follow), -s.born))
    starts = [0, *itertools.accumulate(sizes)]
    placed = []
    for sight, start, size in zip(sights, starts, sizes, strict=False):
        # Cells beyond the axis are padding: as good as those of a constant.
        part = sight or through(image, {at: Window(size, -size)})
        part = expand(part, follow, at, size)
        placed.append(through(part, {at: Window(starts[-1], -start)}, absent=True))
    main = placed[next(n for n, s in enumerate(sights) if s is image)]
    parts = [s for s in placed if s is main or goes_on(s, main, follow)]
    around = [_padding(s, main) for s in placed if not any(s is p for p in parts)]
    whole, image, axes = join([*parts, *around]), join(parts), list(main.axes)
    for a, axis in enumerate(whole.axes):
        # Padding has rules of its own, which say nothing of the image's cells.
        rule = (main if a in follow else image).axes[a].pattern
        axes[a] = axis._replace(pattern=rule)
    return whole._replace(axes=tuple(axes))


def fold(sights: Sequence[Sight]) -> Sight:
    """A sum in which zeros stand around some of the arrays.

    So the transpose of a padding gives back what the border took: the array without
    zeros is the image, and what is added onto some of its cells is padding.
    """
    terms = [term for s in sights for term in s.terms or (Term(s),)]
    wholes = [term.sight for term in terms if not term.steps]
    main = join(wholes or sights)
    added = [_placed(term, main) for term in terms if term.steps]
    if not wholes:
        return join(added)._replace(terms=tuple(terms))
    whole = join([main, *(_padding(s, main) for s in added)])
    axes = [
        axis._replace(pattern=its.pattern)
        for axis, its in zip(whole.axes, main.axes, strict=True)
    ]
    return whole._replace(axes=tuple(axes), terms=tuple(terms) if added else ())


def _placed(term: Term, whole: Sight) -> Sight:
    """A part of a sum as large as the whole, without its zeros."""
    part = term.sight
    for sizes, windows in term.steps:
        for at, window in windows.items():
            if window.outputs > sizes[at] and not whole.axis_at(at):
                # Zeros in some images, as in some faces of a sphere: not told apart.
                part = part._replace(unknown=part.unknown | {"pad"})
            part = expand(part, set(whole.axis_at(at)), at, sizes[at])
            part = through(part, {at: window}, absent=True)
    return part


def _image_cells(sight: Sight, follow: set[int]) -> float:
    """How many cells' worth of image lie along the axes that are joined."""
    others = tuple(a for a in range(len(sight.axes)) if a not in follow)
    return float((sight.real * sight.present).mean(others).sum())


def expand(sight: Sight, follow: set[int], at: int, size: int) -> Sight:
    """All cells see the same: that is said of each of them."""
    axes, real, present = list(sight.axes), sight.real, sight.present
    for a in follow:
        if axes[a].at is None:
            lo, hi = np.repeat(axes[a].lo, size), np.repeat(axes[a].hi, size)
            axes[a] = Axis(at, lo, hi, None)
            real, present = np.repeat(real, size, a), np.repeat(present, size, a)
    return sight._replace(axes=tuple(axes), real=real, present=present)


def _padding(sight: Sight, main: Sight) -> Sight:
    """Not real; mixed along axes that the image does not have in the same place."""
    pairs = zip(sight.axes, main.axes, strict=True)
    turned = [x.at for x, its in pairs if None not in (x.at, its.at) and x.at != its.at]
    sight = collapse(sight, [at for at in turned if at is not None])
    return sight._replace(real=np.zeros_like(sight.real))


def goes_on(part: Sight, main: Sight, follow: set[int]) -> bool:
    """Whether the rule of `main` holds for the cells of `part`, too."""
    for a in follow:
        mine, its = part.axes[a].pattern, main.axes[a].pattern
        others = tuple({*range(part.present.ndim)} - {a})
        cells = np.flatnonzero(part.present.any(others))
        if mine is None or its is None:
            return False
        if not all(map(np.array_equal, mine.at(cells), its.at(cells))):
            return False
    return True
