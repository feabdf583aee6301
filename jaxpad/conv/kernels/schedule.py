"""In which order a kernel reads the rows of an image, and what it makes of them.

Along one axis a padded convolution is three maps: padding cells come from real ones,
`taps` neighbours give a full output, and of these the stride takes some. Its adjoint is
the same backwards, so that one kernel serves both.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...padding import Terms, terms_of
from ..geometry import Axis


# What becomes of a full row if it is not kept for later.
NOTHING, TARGET = -1, -2


class Line(NamedTuple):
    """A convolution along one axis, without its weights.

    Attributes:
        cells: what each cell that the taps meet is made of, from those of the image.
        size, start, pitch: cell `i` of the image's `size` lies at `start + i pitch`.
        taps: how many neighbours give one full output.
        outputs, first, step: output `j` of `outputs` is full output `first + j step`.
        extra: `(j, weight, f)`: output `j` is given `weight` times full output `f` too.
    """

    cells: list[Terms]
    size: int
    start: int
    pitch: int
    taps: int
    outputs: int
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
    n, lo, taps = line.size, line.start, line.taps
    cells: list[Terms] = [([], 0)] * (len(line.cells) + taps - 1)
    for j in range(line.outputs):
        cells[taps - 1 + line.step * j] = [(1, j)], 0
    read = (line.outputs - 1) * line.step + taps
    extra = [
        (j, float(weight), f)
        for f, (terms, _) in enumerate(line.cells[:read])
        if not lo <= f < lo + n
        for weight, j in terms
    ]
    return Line(cells, line.outputs, taps - 1, line.step, taps, n, lo, 1, extra)


class Reads(NamedTuple):
    """Which row of an image is read at each step.

    Attributes:
        source: `[terms, steps]`, the rows of the image that make it.
        weight: `[terms, steps]`, what each is multiplied by.
        constant: `[steps]`, what is added.
        slot: `[steps]`, its place among the `taps` rows that are held.
    """

    source: np.ndarray
    weight: np.ndarray
    constant: np.ndarray
    slot: np.ndarray


class Makes(NamedTuple):
    """Which full row is made at each step, of the rows that are held.

    Attributes:
        made: `[steps]`, its place among those kept for later, or NOTHING or TARGET.
        target: `[steps]`, the row of the output that is being written.
        extra: `[kept, steps]`, the weights in it of the rows that were kept.
    """

    made: np.ndarray
    target: np.ndarray
    extra: np.ndarray


def steps_of(line: Line) -> tuple[Reads, Makes]:
    """Goes down the rows once, and before that over what is folded from below."""
    targets, kept = _targets(line), {f for _, _, f in line.extra}
    below = {f for f in kept if f > line.first}
    passes = below, targets | kept - below
    steps = [step for fulls in passes for step in _passing(fulls, line.taps)]
    order = [f for _, f in steps if f is not None and f not in targets]
    goes = {f: TARGET for f in targets} | {f: i for i, f in enumerate(order)}
    made = np.array([NOTHING if f is None else goes[f] for _, f in steps], np.int32)
    row = [-1 if f not in targets else (f - line.first) // line.step for _, f in steps]
    extra = np.zeros((max(1, len(order)), len(steps)), np.float32)
    for j, weight, f in line.extra:
        extra[goes[f], row.index(j)] += weight
    return _reads(line, [v for v, _ in steps]), Makes(made, _latest(row), extra)


def _targets(line: Line) -> set[int]:
    return {line.first + line.step * j for j in range(line.outputs)}


def _passing(fulls: set[int], taps: int) -> list[tuple[int, int | None]]:
    """The rows that are read to make `fulls`, and which one each completes."""
    rows = {v for f in fulls for v in range(f, f + taps)}
    lasts = ((v, v - taps + 1) for v in sorted(rows))
    return [(v, f if f in fulls else None) for v, f in lasts]


def _reads(line: Line, rows: Sequence[int]) -> Reads:
    cells = [line.cells[v] for v in rows]
    most = max(1, *(len(terms) for terms, _ in cells))
    source = np.full((most, len(cells)), -1, np.int32)
    weight = np.zeros((most, len(cells)), np.float32)
    for step, (terms, _) in enumerate(cells):
        for t, (w, index) in enumerate(terms):
            source[t, step], weight[t, step] = index, w
    constant = np.array([constant for _, constant in cells], np.float32)
    slot = np.array(rows, np.int32) % line.taps
    return Reads(np.stack([_latest(row) for row in source]), weight, constant, slot)


def _latest(index: Sequence[int] | np.ndarray) -> np.ndarray:
    """Each -1 replaced by the entry before it, which needs no move, or by the next."""
    known = [i for i in index if i >= 0] or [0]
    out, last = [], known[0]
    for i in index:
        last = i if i >= 0 else last
        out.append(last)
    return np.array(out, np.int32)
