"""Lines over seeds: the mean of each arm, and a band of one standard deviation."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from jaxpad.reports.figure import GREY, Plate
from jaxpad.reports.statistics import deviation
from jaxpad.reports.strokes import wide_range
from jaxpad.reports.sweeps.key import Look, shorten


WIDTH = 4.2
NOTE = "line: mean over the seeds; band: ± 1 sample standard deviation"
NOTE_OF_ONE = "line: the one seed of each arm; there is no band"
FEW = 25  # points that get a marker each


class Line(NamedTuple):
    """Of one arm at each x: mean and sample standard deviation [n] over its seeds."""

    arm: str
    seeds: int
    x: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


class Frame(NamedTuple):
    """What stands around lines: the file's name, title, axes, and a level to compare.

    Attributes:
        name: of the picture's file.
        title: of the picture.
        x: what is along the horizontal axis, with its unit.
        y: what is along the vertical axis, with its unit.
        level: where a dashed line is drawn, or `None`.
        ticks: words for x = 0, 1, 2, ..., or nothing where x are numbers.
    """

    name: str
    title: str
    x: str
    y: str
    level: float | None = None
    ticks: Sequence[str] = ()


class Chart(NamedTuple):
    """Lines and what stands around them."""

    frame: Frame
    lines: list[Line]


def line(
    arm: str, seeds: Sequence[tuple[Any, Any]], scale: int | float = 1
) -> Line | None:
    """The line of one arm.

    Args:
        arm: its name.
        seeds: of each seed the numbers x and y; `None` or NaN where y is unknown.
        scale: from y to the unit of the picture.

    Returns:
        Over the x that all seeds have; there, over the seeds that have a number. `None`
        where nothing is known.
    """
    if not seeds:
        return None
    tables = [dict(zip(map(float, x), y, strict=True)) for x, y in seeds]
    x = [each for each in tables[0] if all(each in other for other in tables)]
    y = scale * np.array([[table[each] for each in x] for table in tables], float)
    known = np.isfinite(y).any(0)
    if not known.any():
        return None
    columns = [column[np.isfinite(column)] for column in y.T[known]]
    mean = np.array([column.mean() for column in columns])
    spread = np.array([float(deviation(column)) for column in columns])
    return Line(arm, len(seeds), np.array(x)[known], mean, spread)


def line_plate(chart: Chart, looks: Mapping[str, Look]) -> Plate:
    """Draws the lines of all arms.

    Args:
        chart: one line at least.
        looks: from `key.looks`.
    """
    frame, lines = chart
    rows = len(lines) if max(len(_label(one)) for one in lines) > 24 else len(lines) / 2
    height = 3.0 + 0.19 * rows + 0.06 * max(map(len, frame.ticks), default=0)
    alt = f"{frame.y} against {frame.x}. {' '.join(map(_in_words, lines))}"
    paint = partial(_paint, frame, lines, looks)
    return Plate(frame.name, frame.title, alt, paint, WIDTH, height)


def legend(figure: Figure, axes: Axes, names: Sequence[str]) -> None:
    """Puts the names of arms above the axes, where they cover nothing."""
    columns = 1 if max(map(len, names)) > 24 else 2
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside upper center",
        ncols=columns,
        handlelength=2.6,
        frameon=False,
    )


def note(figure: Figure, text: str) -> None:
    """Says below the axes what is drawn, so that the file alone can be read."""
    figure.supxlabel(text, fontsize=8, color=GREY)


def _paint(
    frame: Frame, lines: list[Line], looks: Mapping[str, Look], figure: Figure
) -> None:
    axes = figure.add_subplot()
    for one in lines:
        _stroke(axes, one, looks[one.arm])
    axes.set(xlabel=frame.x, ylabel=frame.y)
    if frame.level is not None:
        axes.axhline(frame.level, color=GREY, linestyle=":", linewidth=1.2)
    if "%" not in frame.y:
        wide_range(axes, frame.y, np.concatenate([one.mean for one in lines]))
    if all((one.x == one.x.round()).all() for one in lines):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if frame.ticks:
        axes.set_xticks(range(len(frame.ticks)), frame.ticks, rotation=90)
    legend(figure, axes, [_label(one) for one in lines])
    note(figure, NOTE if any(one.seeds > 1 for one in lines) else NOTE_OF_ONE)


def _stroke(axes: Axes, one: Line, look: Look) -> None:
    marker = look.marker if one.x.size <= FEW else None
    axes.plot(
        *(one.x, one.mean, look.dashes),
        color=look.colour,
        marker=marker,
        markersize=4,
        linewidth=1.5,
        label=_label(one),
    )
    low, high = one.mean - one.deviation, one.mean + one.deviation
    band = np.isfinite(low)
    if band.any():
        axes.fill_between(
            *(one.x, low, high), where=band, color=look.colour, alpha=0.18, linewidth=0
        )


def _label(one: Line) -> str:
    return f"{shorten(one.arm)} (n = {one.seeds})"


def _in_words(one: Line) -> str:
    return (
        f"{one.arm}, {one.seeds} seeds: first {one.mean[0]:.4g}, last "
        f"{one.mean[-1]:.4g}, lowest {one.mean.min():.4g}, highest "
        f"{one.mean.max():.4g}."
    )
