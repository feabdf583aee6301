"""The picture: efficiency over the depth, a line for each packer."""

import pathlib
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from jaxpad.reports.figure import BLUE, GREY, INK, ORANGE, PALE, STYLE


# Those that find the same rows have lines one on another: dashes over a wide one.
LOOKS: dict[str, dict[str, Any]] = {
    "one_per_row": {"color": GREY, "linestyle": ":"},
    "next_fit": {"color": GREY, "linestyle": "-"},
    "first_fit": {"color": GREY, "linestyle": "--"},
    "best_fit": {"color": GREY, "linestyle": "-."},
    "first_fit_decreasing": {"color": PALE, "linewidth": 5},
    "best_fit_decreasing": {"color": BLUE, "linewidth": 3, "linestyle": "--"},
    "spfhp": {"color": ORANGE, "linestyle": "-"},
    "lpfhp": {"color": BLUE, "linestyle": "-"},
    "nnlshp": {"color": ORANGE, "linestyle": "--"},
    "column_generation": {"color": INK, "linestyle": "-"},
}


def draw(tables: dict[str, Any], file: pathlib.Path) -> None:
    """Draws the tables' efficiency, and what no packer can do better."""
    depths = list(tables["bounds"])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.4), layout="constrained")
        axes = figure.subplots()
        for name, found in tables["packers"].items():
            there = {d: it for d, it in found.items() if "efficiency" in it}
            axes.plot(
                [depths.index(depth) for depth in there],
                [100 * it["efficiency"] for it in there.values()],
                label=name,
                marker="o",
                ms=3,
                **LOOKS.get(name, {}),
            )
        axes.set_xticks(range(len(depths)), depths)
        axes.set(xlabel="sequences that may share a row", ylabel="percent of the cells")
        axes.set_ylim(top=101)
        figure.legend(loc="outside right center")
        figure.savefig(file, metadata={"Date": None, "Creator": None})
