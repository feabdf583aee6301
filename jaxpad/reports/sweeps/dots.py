"""The seeds of each arm as dots, and the differences from the baseline as intervals."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxpad.reports.figure import GREY, Plate
from jaxpad.reports.sweeps.key import Look, shorten
from jaxpad.reports.sweeps.lines import WIDTH, note
from jaxpad.reports.sweeps.metrics import Row, Table


def dots(table: Table, baseline: str, looks: Mapping[str, Look]) -> list[Plate]:
    """Draws a table: each seed of each arm, and the intervals of the differences.

    Args:
        table: of one metric.
        baseline: the name of the arm that others are compared with.
        looks: of the arms.
    """
    metric, height = table.metric, 1.35 + 0.36 * len(table.rows)
    said = [f"{r.arm}: {r.mean:.4g}, {r.seeds} seeds" for r in table.rows]
    alt = f"{metric.title} of each seed. {'; '.join(said)}."
    paint = partial(_paint_seeds, table, looks)
    plates = [Plate(f"seeds_{metric.key}", metric.title, alt, paint, WIDTH, height)]
    rows = [row for row in table.rows if row.against and np.isfinite(row.against.low)]
    if rows:
        said = [
            f"{row.arm}: {row.against.mean:+.4g}, from {row.against.low:+.4g} to "
            f"{row.against.high:+.4g}"
            for row in rows
            if row.against
        ]
        title = f"{metric.title}: difference from {baseline}"
        alt = f"{title}. {'; '.join(said)}."
        paint = partial(_paint_differences, table, rows, baseline, looks)
        name, high = f"difference_{metric.key}", 1.5 + 0.36 * len(rows)
        plates.append(Plate(name, title, alt, paint, WIDTH, high))
    return plates


def _paint_seeds(table: Table, looks: Mapping[str, Look], figure: Figure) -> None:
    axes = figure.add_subplot()
    for place, row in enumerate(table.rows):
        look = looks[row.arm]
        values = [v for v in row.values.values() if np.isfinite(v)]
        axes.plot(
            values,
            [place] * len(values),
            look.marker,
            color=look.colour,
            alpha=0.55,
            markersize=6,
            markeredgewidth=0,
        )
        axes.plot([row.mean] * 2, [place - 0.3, place + 0.3], color=look.colour)
    unit = f" ({table.metric.unit})" if table.metric.unit else ""
    axes.set_xlabel(_small(table.metric.title) + unit)
    _rows(axes, [(row.arm, row.seeds) for row in table.rows])
    note(figure, "each marker one seed of n; line: their mean")


def _paint_differences(
    table: Table,
    rows: list[Row],
    baseline: str,
    looks: Mapping[str, Look],
    figure: Figure,
) -> None:
    axes = figure.add_subplot()
    axes.axvline(0, color=GREY, linewidth=1.2)
    for place, row in enumerate(rows):
        assert row.against is not None
        look, found = looks[row.arm], row.against
        axes.plot([found.low, found.high], [place] * 2, color=look.colour, linewidth=2)
        axes.plot(found.mean, place, look.marker, color=look.colour, markersize=7)
    unit = f" ({table.metric.points})" if table.metric.points else ""
    axes.set_xlabel(f"{_small(table.metric.title)}:\ndifference{unit}")
    _rows(axes, [(row.arm, row.against.seeds) for row in rows if row.against])
    note(figure, f"from {shorten(baseline)}; marker: mean, bar: its 95% interval (t)")


def _small(title: str) -> str:
    return title[0].lower() + title[1:]


def _rows(axes: Axes, rows: list[tuple[str, int]]) -> None:
    names = [f"{shorten(arm)} (n = {seeds})" for arm, seeds in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
