"""How curves are drawn."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from jaxpad.reports.figure import BLUE, GREY, ORANGE


class Curve(NamedTuple):
    """The finite values of one logged quantity, and how they are put on the axes."""

    paint: Callable[[Axes, "Curve"], None]
    name: str
    epoch: np.ndarray
    value: np.ndarray


def paint_curves(unit: str, curves: list[Curve], axes: Axes) -> None:
    """Puts curves and their legend on axes; a wide range gets a logarithmic scale."""
    axes.set(xlabel="epoch", ylabel=unit)
    curves = [curve for curve in curves if curve.value.size]
    if not curves:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center")
        axes.set(xticks=[], yticks=[])
        return
    if "%" not in unit:
        wide_range(axes, unit, np.concatenate([curve.value for curve in curves]))
    for curve in curves:
        curve.paint(axes, curve)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()


def wide_range(axes: Axes, unit: str, values: np.ndarray) -> None:
    """Gives positive values over a wide range a logarithmic scale."""
    least, most = values.min(), values.max()
    if least <= 0 or most <= 30 * least:
        return
    axes.set(yscale="log", ylabel=f"{unit}\n(log scale)")
    # Over two decades the powers of ten alone are too few to read a value off.
    steps = (1, 2, 5) if most < 300 * least else (1,)
    axes.yaxis.set_major_locator(LogLocator(subs=steps))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def smooth(value: np.ndarray, window: int) -> np.ndarray:
    """Averages over a moving window centred on each value.

    Args:
        value: array [n].
        window: odd number of values, at most n.

    Returns:
        Array [n]; near an end the mean of the part of the window that is there.

    Example:
        >>> smooth(np.array([1.0, 3.0, 5.0]), 3).tolist()
        [2.0, 3.0, 4.0]
    """
    ones = np.ones(window)
    # Not a difference of cumulative sums: there one huge value spoils all later ones.
    return np.convolve(value, ones, "same") / np.convolve(0 * value + 1, ones, "same")


def thin(curve: Curve, most: int = 800) -> Curve:
    """Keeps a long curve light: the lowest and the highest point of each stretch.

    Args:
        curve: a curve of any length.
        most: how many points may stay, an even number.

    Returns:
        The curve with at most that many points; spikes stay.
    """
    if curve.value.size <= most:
        return curve
    keep = [
        stretch[pick(curve.value[stretch])]
        for stretch in np.array_split(np.arange(curve.value.size), most // 2)
        for pick in (np.argmin, np.argmax)
    ]
    keep = np.unique(keep)
    return curve._replace(epoch=curve.epoch[keep], value=curve.value[keep])


def _plot(axes: Axes, curve: Curve, **options: Any) -> None:
    marker = "o" if curve.value.size <= 60 else None
    thinned = thin(curve)
    axes.plot(thinned.epoch, thinned.value, marker=marker, markersize=3, **options)


def line(axes: Axes, curve: Curve) -> None:
    """The curve as it is."""
    _plot(axes, curve, color=BLUE)


def part(axes: Axes, curve: Curve) -> None:
    """A percentage, on an axis that begins at 0."""
    line(axes, curve)
    axes.set_ylim(0, max(5.0, 1.1 * curve.value.max()))


def dashes(axes: Axes, curve: Curve) -> None:
    """A level to compare with."""
    label = f"{curve.name}, {curve.value[-1]:.4g}"
    axes.plot(curve.epoch, curve.value, "--", color=GREY, linewidth=1.2, label=label)
    if curve.value[-1] < 50:  # else two close levels would fill the axis
        axes.set_ylim(bottom=0)


def points(axes: Axes, curve: Curve) -> None:
    """Few values, the last of them in words."""
    label = f"{curve.name}, last {curve.value[-1]:.4g}"
    _plot(axes, curve, color=ORANGE, label=label)


def noisy(axes: Axes, curve: Curve) -> None:
    """Each value pale, and a moving average."""
    window = min(curve.value.size // 40, 1000) | 1
    if window == 1:
        _plot(axes, curve, color=BLUE, label=f"{curve.name}, each step")
        return
    mean = curve._replace(value=smooth(curve.value, window))
    label = f"{curve.name}, each step"
    _plot(axes, curve, color=BLUE, alpha=0.3, linewidth=0.8, label=label)
    label = f"{curve.name}, mean of {window} steps"
    _plot(axes, mean, color=BLUE, label=label)
