"""One frame of an SVG drawing: the input's plane, the output's above it, a window."""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

from .picture import Number, Track, sources
from .text import symbols_of


CELL, DEPTH, SLANT = 30, 17, 13  # of a cell: width, height, shift of the row in front
MARGIN, GAP = 14, 34  # around a frame, between its planes
EDGE, SHADE, FAINT = "#1d3a47", "#073642", "#7d8d95"
TIE, MINUS = "#c4361f", "#5b21b6"
COPY, REAL, OUTPUT = "#fbd9a2", "#8fc7ee", "#86d6c6"

Point = tuple[Number, Number]


class Plane(NamedTuple):
    """A grid of cells seen from the side; its back left corner is at (left, top)."""

    left: Number
    top: Number

    def point(self, y: Number, x: Number) -> Point:
        """Where row `y` and column `x` meet; cell (y, x) begins there."""
        return self.left + x * CELL - y * SLANT, self.top + y * DEPTH

    def corners(self, ys: range, xs: range) -> list[Point]:
        """The corners of a block of cells."""
        ends = [(ys.start, xs.start), (ys.start, xs.stop)]
        ends += [(ys.stop, xs.stop), (ys.stop, xs.start)]
        return [self.point(*end) for end in ends]

    def cell(self, y: int, x: int) -> str:
        """The path of one cell's outline."""
        return path(self.corners(range(y, y + 1), range(x, x + 1))) + "Z"


class Scene(NamedTuple):
    """Two axes, and where the planes of a frame stand."""

    rows: Track
    columns: Track
    input: Plane
    output: Plane
    width: Number
    height: Number


def scene_of(rows: Track, columns: Track) -> Scene:
    """The output's middle stands above the input's."""
    high, wide = len(rows.cells), len(columns.cells)
    down, across = len(rows.windows), len(columns.windows)
    shift = ((wide - across) * CELL - (high - down) * SLANT) / 2
    # There are never more windows than cells, so the input's plane is the wider one.
    left, top = MARGIN + high * SLANT, MARGIN + down * DEPTH + GAP
    width, height = left + wide * CELL + MARGIN, top + high * DEPTH + MARGIN
    planes = Plane(left, top), Plane(left + shift, MARGIN)
    return Scene(rows, columns, *planes, width, height)


def still(scene: Scene) -> str:
    """What is the same in every frame: both planes."""
    rows, columns = scene.rows, scene.columns
    high, wide = range(len(rows.cells)), range(len(columns.cells))
    real, copies = [], []
    for y, x in itertools.product(high, wide):
        if rows.cells[y] is not None and columns.cells[x] is not None:
            real.append(scene.input.cell(y, x))
        elif sources(rows, columns, y, x):
            copies.append(scene.input.cell(y, x))
    places = itertools.product(range(len(rows.windows)), range(len(columns.windows)))
    outputs = [scene.output.cell(*place) for place in places]
    dashes = f'stroke="{FAINT}" stroke-dasharray="3 2"'
    return "".join(
        [
            f'<path d="{"".join(copies)}" fill="{COPY}"/>' if copies else "",
            f'<path d="{_lines(scene.input, high.stop, wide.stop)}" {dashes}/>',
            f'<path d="{"".join(real)}" fill="{REAL}" stroke="{EDGE}"/>',
            f'<path d="{"".join(outputs)}" fill="{OUTPUT}" stroke="{EDGE}"/>',
        ]
    )


def letters(scene: Scene) -> str:
    """The letters of the cells, where some are copied, and `*`; they go on top."""
    places = [*zip(*scene.rows[:2], strict=True), *zip(*scene.columns[:2], strict=True)]
    if not any(cell is None and copied for cell, copied in places):
        return ""
    found = []
    for y, line in enumerate(symbols_of(scene.rows, scene.columns)):
        for x, symbol in enumerate(line):
            if symbol.isalpha() or symbol == "*":
                across, along = scene.input.point(y + 0.5, x + 0.5)
                found.append(f'<text x="{across:g}" y="{along + 4:g}">{symbol}</text>')
    return "".join(found)


def frame(scene: Scene, output: tuple[int, int]) -> str:
    """One output: its window shaded, and its copies tied to the cells they copy."""
    (f, g), rows, columns = output, scene.rows, scene.columns
    down, across = rows.windows[f], columns.windows[g]
    taps = list(itertools.product(down, across))
    shaded = [scene.input.cell(*tap) for tap in taps] + [scene.output.cell(f, g)]
    below = scene.input.corners(_reach(down), _reach(across))
    above = scene.output.corners(range(f, f + 1), range(g, g + 1))
    rays = "".join(path(pair) for pair in zip(below, above, strict=True))
    parts = [
        f'<path d="{"".join(shaded)}" fill="{SHADE}" fill-opacity=".38"/>',
        f'<path d="{rays}" stroke="{SHADE}" stroke-opacity=".55" fill="none"/>',
    ]
    return "".join(parts + _ties(scene, taps))


def path(points: Iterable[Point]) -> str:
    """A line through points, as SVG writes it."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _reach(positions: tuple[int, ...]) -> range:
    return range(positions[0], positions[-1] + 1)


def _lines(plane: Plane, high: int, wide: int) -> str:
    """The lines of a grid, each of them once: dashes drawn twice are none."""
    along = [(plane.point(y, 0), plane.point(y, wide)) for y in range(high + 1)]
    down = [(plane.point(0, x), plane.point(high, x)) for x in range(wide + 1)]
    return "".join(path(ends) for ends in along + down)


def _ties(scene: Scene, taps: list[tuple[int, int]]) -> list[str]:
    """A line from each copy under the window to where its value comes from.

    It is dashed where that value is subtracted.
    """
    rows, columns = scene.rows, scene.columns
    place = {
        (row, column): (y, x)
        for y, row in enumerate(rows.cells)
        for x, column in enumerate(columns.cells)
    }
    plus, minus, ends = [], [], []
    for y, x in taps:
        for weight, cell in sources(rows, columns, y, x):
            if place[cell] != (y, x):
                start = scene.input.point(y + 0.5, x + 0.5)
                end = scene.input.point(*(c + 0.5 for c in place[cell]))
                (minus if weight < 0 else plus).append(_bow(start, end))
                ends.append(scene.input.cell(*place[cell]))
    drawn = [
        (ends, TIE, ' stroke-width="1.6"'),
        (plus, TIE, ""),
        (minus, MINUS, ' stroke-width="1.3" stroke-dasharray="4 2"'),
    ]
    return [
        f'<path d="{"".join(paths)}" stroke="{color}"{style} fill="none"/>'
        for paths, color, style in drawn
        if paths
    ]


def _bow(start: Point, end: Point) -> str:
    """A line that bends upwards a little, so that lines along a row do not cover."""
    (x, y), (u, v) = start, end
    bend = 6 + abs(u - x) / 8
    return f"M{x:g} {y:g}Q{(x + u) / 2:g} {(y + v) / 2 - bend:g} {u:g} {v:g}"
