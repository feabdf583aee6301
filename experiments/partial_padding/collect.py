"""The numbers of each run of a setting, from the folder of its sweep."""

import pathlib
from typing import Any

import numpy as np

from jaxpad.reports.sweeps.read import Result, read_sweep


EDGE = 0.125  # the outermost part of all distances to the border


def collect(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Padding -> figure -> what each seed has, in the order of the seeds.

    Args:
        folder: of the sweep of one setting.

    Returns:
        Shares in percent, memory in MiB. A padding that was tested under
        others has "cross": padding tested under -> figures.
    """
    found = {}
    for arm in read_sweep(folder).arms:
        results = list(arm.runs.values())
        rows = [_figures(result) for result in results]
        keys = dict.fromkeys(key for row in rows for key in row)
        figures: dict[str, Any] = {k: [row.get(k) for row in rows] for k in keys}
        figures["seeds"] = list(arm.runs)
        figures["cross"] = _cross(results)
        found[arm.name.removeprefix("padding=")] = figures
    return found


def _figures(result: Result) -> dict[str, float | None]:
    results = result.run.results
    headline = results["headline"]
    curve = result.run.test[f"test_{headline}"]
    found = {
        "final": _percent(results["test"][headline]),
        "best": _percent(results["best"][headline]),
        "loss": round(results["test"]["loss"], 4),
        "mean of epochs": _percent(float(np.mean(curve))),
        "minutes": _rounded(results["train_seconds"], 1 / 60),
        "memory": _rounded(results["memory_bytes"], 2.0**-20),
    }
    return found | _near(result)


def _near(result: Result) -> dict[str, float | None]:
    """Answers that shifts leave alone; of pixels, errors at the border and inside."""
    borders = result.borders
    if borders is None or borders.distance is None or borders.shift is None:
        return {}
    shift = borders.shift
    moved = [c for p, c in zip(shift["pixels"], shift["consistency"], strict=True) if p]
    found: dict[str, float | None] = {"shift": _percent(float(np.mean(moved)))}
    cells, count, accuracy = (
        np.asarray(borders.distance[key], float)
        for key in ("cells", "count", "accuracy")
    )
    if result.run.results["headline"] != "miou":
        return found
    # Distances are 0 to half the side.
    outer, inner = cells < EDGE * len(cells), cells >= len(cells) / 2
    for name, part in (("border errors", outer), ("centre errors", inner)):
        errors = 1 - np.average(accuracy[part], weights=count[part])
        found[name] = _percent(float(errors))
    return found


def _cross(results: list[Result]) -> dict[str, Any]:
    """Padding tested under -> the headline of each seed, in percent."""
    headline = results[0].run.results["headline"]
    tables = [result.borders.cross for result in results if result.borders]
    if len(tables) < len(results):
        return {}
    names = list(tables[0])
    return {n: [_percent(table[n].get(headline)) for table in tables] for n in names}


def _percent(value: float | None) -> float | None:
    return _rounded(value, 100)


def _rounded(value: float | None, factor: float) -> float | None:
    return None if value is None else round(value * factor, 3)
