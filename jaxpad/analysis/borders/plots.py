"""Plain pictures of what is measured near borders.

Each is a function of results that returns a matplotlib figure, which
`figure.savefig("NAME.png")` writes. matplotlib comes with `jaxpad[train]`.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...typing import AnyArray
from .cross import Crossed
from .curves import Cutout, Distance
from .maps import unevenness
from .shift import Shift


if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Told apart with any colour vision (Okabe and Ito, 2008), and by their markers.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
MARKERS = "osD^vPX"


def plot_cross(crossed: Crossed, what: str = "accuracy") -> "Figure":
    """The cross-padding matrix as a heat map with its numbers.

    Args:
        crossed: whose figures are numbers; None is left blank.
        what: the figures are.
    """
    rows = list(crossed.figures)
    columns = list(next(iter(crossed.figures.values()), {}))
    values = np.array(
        [[crossed.figures[r].get(c) for c in columns] for r in rows], float
    )
    figure, (axes,) = _figure(1, 1.2 * len(columns) + 2.0, 0.6 * len(rows) + 1.4)
    image = axes.imshow(values, cmap="cividis", aspect="auto")
    figure.colorbar(image, label=what)
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (row, column), value in np.ndenumerate(values):
        shown = f"{value:.3g}" if np.isfinite(value) else "-"
        colour = "white" if value <= middle else "black"  # nothing is drawn for NaN
        axes.text(column, row, shown, ha="center", va="center", color=colour)
    axes.set(xlabel="tested under", ylabel="trained with")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    return figure


def plot_distance(arms: Mapping[str, Distance]) -> "Figure":
    """Accuracy and loss against the distance to the border, a line an arm."""
    figure, (left, right) = _figure(2, 8.0, 3.2)
    _lines(left, arms, lambda found: (found.cells, found.accuracy))
    _lines(right, arms, lambda found: (found.cells, found.loss))
    for axes, label in ((left, "accuracy"), (right, "loss, nats")):
        axes.set(xlabel="distance to the border, pixels", ylabel=label)
    return figure


def plot_cutout(arms: Mapping[str, Cutout], what: str = "accuracy") -> "Figure":
    """The border's figure and the centre's, while a central rectangle grows."""
    figure, (left, right) = _figure(2, 8.0, 3.2)
    _lines(left, arms, lambda found: (found.part, found.border))
    _lines(right, arms, lambda found: (found.part, found.centre))
    for axes, label in ((left, "outside the rectangle"), (right, "inside it")):
        axes.set(xlabel="rectangle's part of each side", ylabel=f"{what} {label}")
    return figure


def plot_shift(arms: Mapping[str, Shift]) -> "Figure":
    """The share of answers that a shift leaves alone, a line an arm."""
    figure, (axes,) = _figure(1, 4.5, 3.2)
    _lines(axes, arms, lambda found: (found.pixels, found.consistency))
    axes.set_xscale("log", base=2)
    axes.set(xlabel="shift, pixels", ylabel="share of answers that stay")
    return figure


def plot_maps(
    maps: Mapping[str, AnyArray], what: str = "mean |activation|"
) -> "Figure":
    """Maps by name, such as layers or arms, with one range of colours.

    Args:
        maps: `[h, w]`, as from `activation_maps` and `foveation_maps`.
        what: their values are.
    """
    columns = min(len(maps), 6)
    rows = math.ceil(len(maps) / columns)
    figure, axes = _figure(rows * columns, 2.1 * columns + 0.8, 2.3 * rows, rows)
    top = max(float(np.max(m)) for m in maps.values())
    for place in axes[len(maps) :]:
        place.set_axis_off()
    image: Any = None
    for place, (name, values) in zip(axes, maps.items(), strict=False):
        image = place.imshow(np.asarray(values), vmin=0, vmax=top, cmap="cividis")
        place.set_title(name, fontsize=8)
        place.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=axes, label=what)
    return figure


def plot_unevenness(arms: Mapping[str, Mapping[str, AnyArray]]) -> "Figure":
    """The border's activation by the centre's, layer by layer, a line an arm.

    Args:
        arms: of each, maps by layer, as from `activation_maps`.
    """
    figure, (axes,) = _figure(1, 5.5, 3.2)
    _lines(
        axes,
        arms,
        lambda maps: (
            range(len(maps)),
            [unevenness(m).border_to_centre for m in maps.values()],
        ),
    )
    axes.axhline(1, color="#999", lw=0.8)
    names = list(next(iter(arms.values()), {}))
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=7)
    axes.set(ylabel="mean |activation|, border by centre")
    return figure


def _lines(axes: Any, arms: Mapping[str, Any], points: Callable[[Any], Any]) -> None:
    for number, (name, found) in enumerate(arms.items()):
        colour = COLOURS[number % len(COLOURS)]
        marker = MARKERS[number % len(MARKERS)]
        axes.plot(*points(found), color=colour, marker=marker, ms=4, label=name)
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


def _figure(
    count: int, width: float, height: float, rows: int = 1
) -> tuple["Figure", list[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, count // rows, squeeze=False).flat)
