"""The line pictures of a sweep: learning, and what was found near borders."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from jaxpad.reports.sweeps.key import shorten
from jaxpad.reports.sweeps.lines import Chart, Frame, Line, line
from jaxpad.reports.sweeps.read import Arm, Result, Sweep
from jaxpad.reports.words import NAMES


SHIFT = "shift (pixels)"
TITLES = {
    "distance": "by distance to the border",
    "cutout": "as a central rectangle grows",
    "shift": "when the image is shifted",
}
Pairs = tuple[Any, Any]  # numbers along x and y


def learning(sweep: Sweep) -> list[Chart]:
    """Test figures and losses against the epoch.

    Args:
        sweep: the runs.
    """
    headline = _headline(sweep)
    name = NAMES.get(headline, headline)
    figure = Frame(f"curve_{headline}", f"Test {name}", "epoch", f"test {name} (%)")
    loss = Frame("curve_loss", "Test loss", "epoch", "mean test loss")
    return _charts(
        Chart(figure, _lines(sweep, _logged(f"test_{headline}"), 100)),
        Chart(loss, _lines(sweep, _logged("test_loss"), 1)),
    )


def near_borders(sweep: Sweep) -> list[Chart]:
    """What borders.json has along an axis: distances, cut-outs, shifts and layers.

    Args:
        sweep: the runs.
    """
    headline = _headline(sweep)
    name = NAMES.get(headline, headline)
    rest = "part of each side that the rectangle takes"
    if headline == "miou":
        along, near = "distance to the nearest border (pixels)", "{}"
        outside, inside = "{} outside the rectangle", "{} inside the rectangle"
    else:
        along = "where the hidden ring begins (pixels from the border)"
        near = "{} with that ring hidden"
        outside, inside = "{}, rectangle hidden", "{}, all but the rectangle hidden"
    charts = []
    for part, x, y, says, axis, scale in [
        ("distance", "cells", "accuracy", near.format("accuracy"), along, 100),
        ("distance", "cells", "loss", near.format("mean loss"), along, 1),
        ("cutout", "part", "border", outside.format(name), rest, 100),
        ("cutout", "part", "centre", inside.format(name), rest, 100),
        ("shift", "pixels", "consistency", "same answer", SHIFT, 100),
        ("shift", "pixels", "accuracy", "accuracy", SHIFT, 100),
    ]:
        title = f"{says[0].upper()}{says[1:]} {TITLES[part]}"
        unit = " (%)" if scale == 100 else ""
        frame = Frame(f"{part}_{y}", title, axis, says + unit)
        charts.append(Chart(frame, _lines(sweep, _looked_at(part, x, y), scale)))
    return _charts(*charts, _unevenness(sweep))


def meanings(sweep: Sweep) -> list[str]:
    """What the runs say of how their figures near borders were measured."""
    said: dict[str, None] = {}
    for result in _results(sweep.arms):
        for part in ("distance", "cutout"):
            if result.borders and (found := getattr(result.borders, part)):
                said[f"{part}: {found['what']}"] = None
    return list(said)


def _unevenness(sweep: Sweep) -> Chart:
    """Mean activation at the border over that at the centre, layer by layer."""
    rows = [
        result.borders.unevenness for result in _results(sweep.arms) if result.borders
    ]
    layers = list(dict.fromkeys(row["layer"] for each in rows for row in each))

    def read(result: Result) -> Pairs | None:
        if not result.borders or not result.borders.unevenness:
            return None
        each = result.borders.unevenness
        places = [layers.index(row["layer"]) for row in each]
        return places, [row["border_to_centre"] for row in each]

    frame = Frame(
        *("unevenness", "Unevenness of activations, layer by layer"),
        *("layer, from input to output", "|activation|, border / centre"),
        level=1.0,
        ticks=[shorten(layer)[-24:] for layer in layers],
    )
    return Chart(frame, _lines(sweep, read, 1))


def _charts(*charts: Chart) -> list[Chart]:
    return [chart for chart in charts if chart.lines]


def _lines(
    sweep: Sweep, read: Callable[[Result], Pairs | None], scale: int | float
) -> list[Line]:
    lines = []
    for arm in sweep.arms:
        pairs = [read(result) for result in arm.runs.values()]
        lines.append(line(arm.name, [pair for pair in pairs if pair], scale))
    return [one for one in lines if one]


def _logged(key: str) -> Callable[[Result], Pairs | None]:
    return lambda result: (result.run.test["epoch"], result.run.test[key])


def _looked_at(part: str, x: str, y: str) -> Callable[[Result], Pairs | None]:
    def read(result: Result) -> Pairs | None:
        found = result.borders and getattr(result.borders, part)
        return operator.itemgetter(x, y)(found) if found else None

    return read


def _results(arms: Sequence[Arm]) -> list[Result]:
    return [result for arm in arms for result in arm.runs.values()]


def _headline(sweep: Sweep) -> str:
    return next(iter(sweep.arms[0].runs.values())).run.results["headline"]
