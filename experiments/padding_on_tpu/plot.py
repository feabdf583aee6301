"""The study's picture, from its results alone."""

import pathlib
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from report import ratio

from jaxpad.reports.figure import BLUE, ORANGE, PALE, STYLE


KEYS = {
    "bytes": "bytes moved",
    "flops": "FLOPs",
    "peak": "peak of memory",
    "temporary": "temporary arrays",
}
COLOURS = (PALE, BLUE, ORANGE)


def draw(programs: Mapping[str, Mapping[str, Any]], path: pathlib.Path) -> None:
    """A panel for each cost: a bar for each padding and program, 1 is zero's."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.4), layout="constrained")
        panels = figure.subplots(2, 2, sharex=True, sharey=True).ravel()
        for axes, (key, title) in zip(panels, KEYS.items(), strict=True):
            _bars(axes, programs, key)
            axes.set_title(title)
        for axes in panels[::2]:
            axes.set_ylabel("times zero padding's")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def _bars(axes: Axes, programs: Mapping[str, Mapping[str, Any]], key: str) -> None:
    paddings = [p for p in next(iter(programs.values())) if p != "zero"]
    width = 0.8 / len(programs)
    for number, (name, arms) in enumerate(programs.items()):
        shift = width * (number - (len(programs) - 1) / 2)
        there = [p for p in paddings if p in arms and "refused" not in arms[p]]
        places = [paddings.index(p) + shift for p in there]
        values = [ratio(arms, p, key) for p in there]
        axes.bar(places, values, width, label=name, color=COLOURS[number])
        for p in paddings:
            if "refused" in arms.get(p, {}):
                place = paddings.index(p) + shift
                where = {"ha": "center", "va": "bottom", "rotation": 90}
                axes.text(place, 0.04, "refused", fontsize=7, **where)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xlim(-0.5, len(paddings) - 0.5)
    axes.set_xticks(range(len(paddings)), paddings)
    axes.tick_params(axis="x", labelrotation=25)
    axes.set_axisbelow(True)
