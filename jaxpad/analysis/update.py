"""What an array sees of which a part was written over, or chosen from another."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .join import expand, goes_on, join
from .sight import Sight, collapse, everything, through
from .walk import Known, Value, rule, sights
from .windows import Reads, Window


class Part(NamedTuple):
    """Cells `first` to `first + size - 1` of the `n` of an array's axis `at`."""

    at: int
    first: int
    size: int
    n: int


@rule("dynamic_update_slice")
def dynamic_update_slice(eqn: Any, x: Value, update: Value, *starts: Value) -> Sight:
    """The update in its place, the array elsewhere; all of both if that is unknown."""
    shapes = [var.aval.shape for var in eqn.invars[:2]]
    parts = _parts(shapes[0], shapes[1], starts)
    if parts is None:
        seen = [everything(s) for s in sights([update, *starts])]
        return join([*sights([x]), *seen])
    if not isinstance(x, Sight):
        (update,) = sights([update])
        return through(update, {p.at: Window(p.n, -p.first) for p in parts})
    if not isinstance(update, Sight):
        # As good as the cells beyond the array.
        update = through(x, {p.at: Window(p.size, -p.size) for p in parts})
    if not parts:
        return update
    update, x = _along(update, x, shapes[1]), _along(x, update, shapes[0])
    return _write(x, update, parts, {a for p in parts for a in x.axis_at(p.at)})


def _parts(
    old: Sequence[int], new: Sequence[int], starts: Sequence[Value]
) -> list[Part] | None:
    """Where the update lies, on each axis that it does not fill."""
    parts = []
    for at, (n, size, start) in enumerate(zip(old, new, starts, strict=True)):
        first = start.value() if isinstance(start, Known) else None
        if n != size and first is None:
            return None
        if n != size:
            parts.append(
                Part(at, int(np.clip(np.asarray(first), 0, n - size)), size, n)
            )
    return parts


def _along(sight: Sight, other: Sight, shape: Sequence[int]) -> Sight:
    """Follows the axes of its array that the other follows."""
    for a, (mine, its) in enumerate(zip(sight.axes, other.axes, strict=True)):
        if its.at is not None and mine.at not in (None, its.at):
            sight = collapse(sight, [mine.at])
        if its.at is not None and sight.axes[a].at is None:
            sight = expand(sight, {a}, its.at, shape[its.at])
    return sight


def _write(x: Sight, update: Sight, parts: Sequence[Part], follow: set[int]) -> Sight:
    """One axis after the other: what lies before and after it, and between."""
    if not parts:
        return _laid(x, update, follow) if follow else update
    (at, first, size, n), *rest = parts
    inside = _write(through(x, {at: Window(size, first)}), update, rest, follow)
    if not x.axis_at(at):
        return join([x, inside], [float(n - size), float(size)])
    cell = np.arange(n)[:, None]
    there = (cell < first) | (cell >= first + size)
    around = through(x, {at: Reads(cell, there)}, absent=True)
    inside = through(inside, {at: Window(n, -first)}, absent=True)
    whole, axes = join([around, inside]), list(x.axes)
    for a, axis in enumerate(whole.axes):
        axes[a] = axis._replace(pattern=x.axes[a].pattern) if axis.at == at else axis
    return whole._replace(axes=tuple(axes))


def _laid(x: Sight, update: Sight, follow: set[int]) -> Sight:
    """The update where its cells are, with the part of them that is real.

    That is the update's where there was no image and it goes on by the rule of `x`:
    an image is put together. Else it is that of `x`, since the strategy "strips" puts
    zeros around the image and adds the border to the outputs that saw them.
    """
    real, present = x.real, x.present
    if goes_on(update, x, follow):
        empty = (real == 0) | ~present
        real = np.where(empty, update.real, real)
        present = np.where(empty, update.present, present)
    else:
        pairs = zip(update.axes, x.axes, strict=True)
        axes = tuple(mine._replace(pattern=its.pattern) for mine, its in pairs)
        update = update._replace(axes=axes)
    return update._replace(real=real, present=present)


@rule("select_n")
def select(eqn: Any, which: Value, *cases: Value) -> Sight:
    """Cell by cell; or an image whose padding alone is filled with the other cases."""
    chosen = which.value() if not isinstance(which, Sight) else None
    for n, case in enumerate(cases if chosen is not None else ()):
        others = np.asarray(np.not_equal(chosen, n))
        if isinstance(case, Sight) and _is_padding(case, others):
            return _filled(case, sights(cases))
    return join(sights([which, *cases]))


def _is_padding(sight: Sight, cells: np.ndarray) -> bool:
    """Whether nothing comes from the image where `cells` of its array are true."""
    follow = [axis.at for axis in sight.axes if axis.at is not None]
    cells = cells.any(tuple(at for at in range(cells.ndim) if at not in follow))
    image = (sight.real * sight.present).squeeze(
        tuple(a for a, axis in enumerate(sight.axes) if axis.at is None)
    )
    # Its axes are in the order of the image's, those of the cells in the array's.
    return not image.transpose(np.argsort(follow))[cells].any()


def _filled(image: Sight, cases: list[Sight]) -> Sight:
    whole = join(cases)
    pairs = list(zip(whole.axes, image.axes, strict=True))
    if any(mine.at != its.at for mine, its in pairs):
        return whole
    axes = tuple(mine._replace(pattern=its.pattern) for mine, its in pairs)
    return whole._replace(axes=axes, real=image.real, present=image.present)
