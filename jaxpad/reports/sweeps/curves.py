"""The line pictures of a sweep: learning, and what was found near borders."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxpad.reports.figure import Plate
from jaxpad.reports.sweeps.key import Look, shorten
from jaxpad.reports.sweeps.lines import Frame, Line, line, line_plate
from jaxpad.reports.sweeps.read import Arm, Result, Sweep
from jaxpad.reports.words import NAMES


Pairs = tuple[Any, Any]


def learning(sweep: Sweep, looks: Mapping[str, Look]) -> list[Plate]:
    """Test figures and losses against the epoch.

    Args:
        sweep: the runs.
        looks: of the arms.
    """
    headline = _headline(sweep)
    name = NAMES.get(headline, headline)
    frames = [
        (Frame("curve_loss", "Test loss", "epoch", "mean test loss"), "test_loss", 1),
        (
            Frame(f"curve_{headline}", f"Test {name}", "epoch", f"test {name} (%)"),
            f"test_{headline}",
            100,
        ),
    ]
    plates = [
        line_plate(frame, _lines(sweep, _logged(key), scale), looks)
        for frame, key, scale in reversed(frames)
    ]
    return [plate for plate in plates if plate]


def near_borders(sweep: Sweep, looks: Mapping[str, Look]) -> list[Plate]:
    """What borders.json has along an axis: distances, cut-outs and shifts."""
    headline = _headline(sweep)
    name = NAMES.get(headline, headline)
    distance = "distance to the nearest border (cells)"
    side = "part of each side that is left out"
    frames = [
        ("distance", "cells", "accuracy", distance, "accuracy (%)", 100),
        ("distance", "cells", "loss", distance, "mean loss", 1),
        ("cutout", "part", "border", side, f"{name} outside of it (%)", 100),
        ("cutout", "part", "centre", side, f"{name} inside of it (%)", 100),
        ("shift", "pixels", "consistency", "shift (pixels)", "same answer (%)", 100),
        ("shift", "pixels", "accuracy", "shift (pixels)", "accuracy (%)", 100),
    ]
    titles = {
        "distance": "{} against the distance to the border",
        "cutout": "Without a central rectangle: the {}",
        "shift": "Shifted images: {}",
    }
    plates = []
    for part, x, y, along, up, scale in frames:
        title = titles[part].format(y)
        frame = Frame(f"{part}_{y}", title[0].upper() + title[1:], along, up)
        lines = _lines(sweep, _looked_at(part, x, y), scale)
        plates.append(line_plate(frame, lines, looks))
    return [plate for plate in [*plates, _unevenness(sweep, looks)] if plate]


def meanings(sweep: Sweep) -> list[str]:
    """What the runs say of how their figures near borders were measured."""
    said: dict[str, None] = {}
    for result in _results(sweep.arms):
        for part in ("distance", "cutout"):
            if result.borders and (found := getattr(result.borders, part)):
                said[f"{part}: {found['what']}"] = None
    return list(said)


def _unevenness(sweep: Sweep, looks: Mapping[str, Look]) -> Plate | None:
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
    return line_plate(frame, _lines(sweep, read, 1), looks)


def _lines(
    sweep: Sweep, read: Callable[[Result], Pairs | None], scale: float
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
