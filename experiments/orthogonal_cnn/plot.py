"""The study's pictures, from its results alone."""

import pathlib
import statistics
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxpad.reports.figure import BLUE, ORANGE, STYLE


GREEN, GREY = "#3b7d23", "#767676"
COLOURS = {"Glorot": ORANGE, "delta, noise 0.5": BLUE, "delta, noise 1": GREEN}


def draw(results: dict[str, Any], out: pathlib.Path) -> None:
    """Writes stability.svg, landscape.svg and tradeoff.svg."""
    pictures = {
        "stability": (_stability, 3),
        "landscape": (_landscape, 2),
        "tradeoff": (_tradeoff, 3),
    }
    for name, (paint, columns) in pictures.items():
        with matplotlib.rc_context(STYLE):
            size = (3.6 * columns, 3.4)
            figure = Figure(figsize=size, layout="constrained")
            paint(figure.subplots(1, columns), results[name])
            file = out / f"{name}.svg"
            figure.savefig(file, metadata={"Date": None, "Creator": None})


def _stability(axes: Any, found: Any) -> None:
    """One plot a layer; a kernel has one colour for both of its extremes."""
    layers = dict.fromkeys(it["layer"] for it in found)
    shades = matplotlib.colormaps["viridis"](np.linspace(0.85, 0.1, 5))
    for place, layer in zip(axes, layers, strict=True):
        mine = [it for it in found if it["layer"] == layer]
        for it, shade in zip(mine, [*shades, ORANGE, "#8c2d04"], strict=False):
            label = f"{it['loss']:g}" + (", stuck" if it["kind"] == "stuck" else "")
            place.plot(it["sizes"], it["least"], color=shade, label=label)
            place.plot(it["sizes"], it["largest"], color=shade)
        place.set_xscale("log", base=2)
        _plain(place)
        place.set_title(f"(C, M, k, S) = ({layer})", fontsize=10)
        place.set_xlabel("outputs along an axis")
        place.legend(title="L_orth", fontsize=7, title_fontsize=7)
    axes[0].set_ylabel("least and largest singular value")


def _landscape(axes: Any, found: Any) -> None:
    """Success rates, and where each run of the square layers ended."""
    rates, ends = axes
    for turn, (start, colour) in enumerate(COLOURS.items()):
        share = [
            100 * it[start]["successes"] / it[start]["runs"] for it in found.values()
        ]
        rates.bar(np.arange(len(found)) + 0.27 * (turn - 1), share, 0.25, color=colour)
        for layer in found.values():
            it = layer[start]
            if "even at the end" in it:
                ends.plot(it["loss"], it["least"], ".", color=colour, alpha=0.6)
        ends.plot([], [], ".", color=colour, label=start)
    rates.set_axisbelow(True)
    rates.set_xticks(range(len(found)), found, rotation=30, ha="right", fontsize=8)
    rates.set(ylabel="runs that succeed, percent", xlabel="C, M, k, S")
    ends.set(xscale="log", xlabel="L_orth at the end", ylabel="least singular value")
    _plain(ends)
    ends.set_title("square layers", fontsize=10)
    ends.legend(fontsize=8)


def _tradeoff(axes: Any, found: Any) -> None:
    """Clean against attacked; then accuracy and singular values over the weight."""
    plane, accuracy, spectrum = axes
    lines = {"rectangular, Glorot": ORANGE, "square, delta": BLUE}
    for arm, colour in lines.items():
        _path(plane, found[arm], colour, arm)
        _over_weight(accuracy, found[arm], ("clean", "PGD 0.5"), colour)
        _over_weight(spectrum, found[arm], ("least", "largest"), colour)
        exact = found[f"{arm.partition(',')[0]}, exact"]["0.0"]
        point = _mean(exact["clean"]), _mean(exact["PGD 0.5"])
        plane.plot(*point, "*", ms=11, color=colour, label="the same, exact")
    plane.set(xlabel="clean accuracy, percent", ylabel="under PGD, radius 0.5")
    plane.legend(fontsize=7)
    for place in (accuracy, spectrum):
        weights = [f"{float(it):g}" for it in found["square, delta"]]
        place.set_xticks(range(len(weights)), weights, fontsize=8)
        place.set_xlabel("weight of L_orth")
    accuracy.set_ylabel("clean (above) and under PGD, percent")
    spectrum.set_ylabel("least and largest singular value")


def _path(axes: Axes, weights: Any, colour: str, label: str) -> None:
    """A point a weight, from 0 on, with its weight beside it."""
    points = [(_mean(it["clean"]), _mean(it["PGD 0.5"])) for it in weights.values()]
    axes.plot(*zip(*points, strict=True), "o-", ms=4, color=colour, label=label)
    for weight, point in zip(weights, points, strict=True):
        offset = {"textcoords": "offset points", "xytext": (4, 3)}
        axes.annotate(f"{float(weight):g}", point, fontsize=7, color=GREY, **offset)


def _over_weight(axes: Axes, weights: Any, keys: tuple[str, str], colour: str) -> None:
    for key in keys:
        places = range(len(weights))
        values = [it[key] for it in weights.values()]
        axes.plot(places, values, ".", alpha=0.4, color=colour)
        axes.plot(places, [_mean(them) for them in values], color=colour)


def _plain(axes: Axes) -> None:
    """Numbers as they are: the reports' style does not read powers as mathematics."""
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _mean(values: list[float]) -> float:
    return statistics.mean(values)
