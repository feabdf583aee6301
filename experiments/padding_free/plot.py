"""The picture: time beside padded's over how full the rows are, from the results."""

import pathlib
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from arms import KINDS, Size
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from report import Point, beside, expected, share, size_of

from jaxpad.reports.figure import BLUE, GREY, INK, ORANGE, STYLE


LOOKS: dict[str, dict[str, Any]] = {
    "packed": {"color": BLUE, "marker": "o"},
    "flat": {"color": ORANGE, "marker": "s"},
    "flat on packed": {"color": INK, "marker": "D"},
    "packed chunked": {"color": GREY, "marker": "^"},
}
TITLES = {"forward": "forward pass", "step": "training step"}


def draw(results: dict[str, Any], path: pathlib.Path) -> None:
    """A column of panels for each length: forward above, a training step below."""
    points, size = results["points"], size_of(results)
    lengths = sorted({p["length"] for p in points})
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2.1 * len(lengths) + 1.2, 5.4), layout="constrained")
        panels = figure.subplots(
            2, len(lengths), sharex=True, sharey=True, squeeze=False
        )
        for kind, line in zip(KINDS, panels, strict=True):
            for length, axes in zip(lengths, line, strict=True):
                there = [p for p in points if p["length"] == length]
                _panel(axes, there, kind, size)
                axes.set_title(f"{length} cells")
            line[0].set_ylabel(f"{TITLES[kind]},\ntimes padded's")
        for axes in panels[-1]:
            axes.set_xlabel("percent tokens")
        handles = {
            label: handle
            for axes in panels.flat
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles, loc="outside lower center", ncols=3)
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def _panel(axes: Axes, points: Sequence[Point], kind: str, size: Size) -> None:
    """Medians with their intervals, and behind them what the FLOPs would be."""
    full = np.array([100 * share(p, size) for p in points])
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.plot([0, 100], [0, 1], color=GREY, linestyle=":", label="by tokens")
    axes.plot([], [], color=GREY, linestyle="--", label="by FLOPs")
    for number, (arm, look) in enumerate(LOOKS.items()):
        if arm not in points[0]["arms"]:
            continue
        found = np.array([beside(p, kind, arm) for p in points])
        spread = np.abs(found[:, 1:] - found[:, :1]).T
        axes.errorbar(full + number - 1, found[:, 0], spread, ms=3.5, label=arm, **look)
        if "flops" in points[0]["arms"][arm][kind]:
            parts = [expected(p, kind, arm, size) for p in points]
            axes.plot(full, parts, color=look["color"], linestyle="--", linewidth=0.8)
    axes.set(xlim=(0, 105), ylim=(0, None), xticks=(0, 50, 100))
