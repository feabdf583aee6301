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
    "distance": "{} against the distance to the border",
    "cutout": "{} a central rectangle that grows",
    "shift": "{} when the image is shifted",
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
    distance = "distance to the nearest border (pixels)"
    rest = "part of each side that the rectangle takes"
    outside, inside = f"{name} outside of it (%)", f"{name} inside of it (%)"
    charts = []
    for part, x, y, title, along, up, scale in [
        ("distance", "cells", "accuracy", "Accuracy", distance, "accuracy (%)", 100),
        ("distance", "cells", "loss", "Loss", distance, "mean loss", 1),
        ("cutout", "part", "border", "Outside", rest, outside, 100),
        ("cutout", "part", "centre", "Inside", rest, inside, 100),
        (
            "shift",
            "pixels",
            "consistency",
            "Same answer",
            SHIFT,
            "same answer (%)",
            100,
        ),
        ("shift", "pixels", "accuracy", "Accuracy", SHIFT, "accuracy (%)", 100),
    ]:
        frame = Frame(f"{part}_{y}", TITLES[part].format(title), along, up)
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
