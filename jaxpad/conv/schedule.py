"""In which order a kernel reads the rows of an image, and what it makes of them.

Along one axis a padded convolution is three maps: padding cells come from real ones,
`k` neighbours give a full row of outputs, and of these the stride takes some. Its
adjoint is the same backwards, so that one kernel serves both.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..padding import Terms, terms_of
from .geometry import Axis


NOTHING, TARGET = -1, -2


class Line(NamedTuple):
    """A convolution along one axis, without its weights.

    Attributes:
        cells: what each cell that the taps meet is made of, from the cells of the image.
        size, start, pitch: cell `i` of the image's `size` lies at `start + i pitch`.
        taps: how many neighbours give one full output.
        count, first, step: output `j` of `count` is full output `first + j step`.
        extra: `(j, weight, f)`: output `j` is given `weight` times full output `f` too.
    """

    cells: list[Terms]
    size: int
    start: int
    pitch: int
    taps: int
    count: int
    first: int
    step: int
    extra: list[tuple[int, float, int]]


def forward_line(axis: Axis, sides: tuple[Any, Any]) -> Line | None:
    """The convolution along an axis; None for a mode that is no rule."""
    before, after = map(terms_of, sides)
    if before is None or after is None:
        return None
    n, (lo, hi) = axis.space, axis.widths
    real: list[Terms] = [([(1, i)], 0) for i in range(n)]
    cells = [*before(n, range(-lo, 0)), *real, *after(n, range(n, n + hi))]
    return Line(cells, n, lo, 1, axis.window, axis.outputs, 0, axis.stride, [])


def adjoint_line(line: Line) -> Line:
    """The adjoint of a forward line, constants left out: they have no gradient."""
    n, lo, k = line.size, line.start, line.taps
    cells: list[Terms] = [([], 0)] * (len(line.cells) + k - 1)
    for j in range(line.count):
        cells[k - 1 + line.step * j] = [(1, j)], 0
    read = (line.count - 1) * line.step + k
    extra = [
        (j, float(weight), f)
        for f, (terms, _) in enumerate(line.cells[:read])
        if not lo <= f < lo + n
        for weight, j in terms
    ]
    return Line(cells, line.count, k - 1, line.step, k, n, lo, 1, extra)


class Steps(NamedTuple):
    """What a kernel does as it goes down the rows; one entry per step.

    Attributes:
        source: `[terms, steps]`, the rows of the image that make the row that is read.
        weight: `[terms, steps]`, what each is multiplied by.
        constant: `[steps]`, what is added.
        slot: which of the `taps` rows that are held the new row replaces.
        oldest: which of them is the first tap's.
        target: the row of the output that is being written.
        made: where the full row goes that is made: NOTHING is made, it is the TARGET,
            or its place among those that are kept for later.
        extra: `[kept, steps]`, the weights of the kept rows in the target.
    """

    source: np.ndarray
    weight: np.ndarray
    constant: np.ndarray
    slot: np.ndarray
    oldest: np.ndarray
    target: np.ndarray
    made: np.ndarray
    extra: np.ndarray


def steps_of(line: Line) -> Steps:
    """Goes down the rows once, reading again only what a fold needs beforehand."""
    kept = sorted({f for _, _, f in line.extra})
    # Rows after the last come first: then those before the first lead into the rest.
    order = [f for f in kept if f > line.first] + [f for f in kept if f < line.first]
    place = {f: i for i, f in enumerate(order)}
    target_of = {line.first + line.step * j: j for j in range(line.count)}
    reads, held = [], range(0)
    for f in [*order, *target_of]:
        need = range(f, f + line.taps)
        start = held.stop if f in held or f == held.stop else f
        new = [v for v in need if v >= start]
        goes = TARGET if f in target_of else place[f]
        reads += [(v, f, NOTHING) for v in new[:-1]] + [(new[-1], f, goes)]
        held = need
    rows, fulls, made = (np.array(part, np.int32) for part in zip(*reads, strict=True))
    source, weight, constant = _inputs([line.cells[v] for v in rows])
    target = _latest([target_of.get(f, -1) if m == TARGET else -1 for _, f, m in reads])
    extra = np.zeros((max(1, len(order)), len(reads)), np.float32)
    for j, w, f in line.extra:
        extra[place[f], (target == j) & (made == TARGET)] += w
    slots = rows % line.taps, fulls % line.taps
    return Steps(source, weight, constant, *slots, target, made, extra)


def _inputs(cells: Sequence[Terms]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The terms as tables; a term that is missing names the row read before it."""
    most = max(1, *(len(terms) for terms, _ in cells))
    source = np.full((most, len(cells)), -1, np.int32)
    weight = np.zeros((most, len(cells)), np.float32)
    for step, (terms, _) in enumerate(cells):
        for t, (w, index) in enumerate(terms):
            source[t, step], weight[t, step] = index, w
    constant = np.array([constant for _, constant in cells], np.float32)
    return np.stack([_latest(row) for row in source]), weight, constant


def _latest(index: Sequence[int] | np.ndarray) -> np.ndarray:
    """Each -1 replaced by the entry before it, or by the first that follows."""
    known = [i for i in index if i >= 0] or [0]
    out, last = [], known[0]
    for i in index:
        last = i if i >= 0 else last
        out.append(last)
    return np.array(out, np.int32)
