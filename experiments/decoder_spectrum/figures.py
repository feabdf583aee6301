"""The figures: depth, kernel size and mean, padding, upsampling, magnitude maps."""

import pathlib
from collections.abc import Callable
from typing import Any

import matplotlib
import networks
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxpad.analysis import plot_spectra
from jaxpad.reports.figure import BLUE, ORANGE, PALE, STYLE


COLORS = {
    "zero, ReLU": BLUE,
    "circular, ReLU": ORANGE,
    "zero, linear": PALE,
    "circular, linear": "#e8b48f",
}


SHOWN = (0, 1, 3, 10, 30, 50)


def save(figure: Figure, file: pathlib.Path) -> None:
    figure.savefig(file, metadata={"Date": None, "Creator": None})


def panels(
    file: pathlib.Path, width: float, draw: dict[str, Callable[[Axes], None]]
) -> None:
    """Panels beside each other, each with a title."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, 3.1), layout="constrained")
        for axes, (title, paint) in zip(
            np.atleast_1d(figure.subplots(1, len(draw))), draw.items(), strict=True
        ):
            paint(axes)
            axes.set_title(title)
        save(figure, file)


def depth(measured: dict[str, Any], file: pathlib.Path) -> None:
    """The share of low frequencies over the layers: a line for the mean."""

    def paint(axes: Axes, found: dict[str, Any]) -> None:
        for name, curve in found.items():
            values = np.array(curve["values"])
            layers = range(len(networks.LAYERS))
            low, high = values.min(axis=0), values.max(axis=0)
            axes.fill_between(layers, low, high, color=COLORS[name], alpha=0.15)
            axes.plot(layers, values.mean(axis=0), color=COLORS[name], label=name)
        ticks = [n for n, layer in enumerate(networks.LAYERS) if layer in SHOWN]
        axes.set_xticks(ticks, SHOWN)
        axes.set(xlabel="layer", ylabel="low frequencies (%)", ylim=(0, 102))

    draw: dict[str, Any] = {
        images: lambda axes, found=found: paint(axes, found)
        for images, found in measured["depth"].items()
    }
    first = draw["photographs"]

    def with_legend(axes: Axes) -> None:
        first(axes)
        axes.legend(loc="lower left")

    panels(file, 12, draw | {"photographs": with_legend})


def dots(axes: Axes, found: dict[str, Any], *, low: float = 0) -> None:
    """A dot for each seed, a line for their mean."""
    for row, values in enumerate(found.values()):
        axes.plot(
            np.full(len(values["values"]), row),
            values["values"],
            *("o",),
            color=BLUE,
            alpha=0.4,
            mew=0,
            ms=5,
        )
        axes.plot(row, values["mean"], "_", color=ORANGE, ms=16, mew=2)
    axes.set_xticks(range(len(found)), found)
    axes.set(xlim=(-0.5, len(found) - 0.5), ylim=(low, 102))


def shares(measured: dict[str, Any], file: pathlib.Path) -> None:
    """Low frequencies after five layers, by kernel size and by the mean of weights."""

    def paint(axes: Axes, found: dict[str, Any], label: str) -> None:
        dots(axes, found)
        axes.set(xlabel=label, ylabel="low frequencies (%)")

    sizes = measured["kernel size"]
    panels(
        file,
        9,
        {
            case: lambda axes, case=case: paint(axes, sizes[case], "kernel size")
            for case in ("photographs", "noise")
        }
        | {
            "photographs, 9 x 9": lambda axes: paint(
                axes, measured["mean"]["photographs"], "mean of the weights"
            ),
        },
    )


def padding(measured: dict[str, Any], file: pathlib.Path) -> None:
    """Low frequencies after five layers by mode; energy that stays at its frequency."""

    def turned(axes: Axes, found: dict[str, Any], label: str) -> None:
        dots(axes, found)
        axes.set_ylabel(label)
        axes.tick_params("x", rotation=35)

    found, stays = measured["padding"], measured["mixing"]
    kept = {mode: sizes["16"] for mode, sizes in stays.items()}
    label = "low frequencies (%)"
    draw = {
        case: lambda axes, case=case: turned(axes, found[case], label)
        for case in ("photographs", "noise", "noise, without 0")
    }
    panels(
        file,
        12,
        draw
        | {
            "one layer, 16 x 16": lambda axes: turned(
                axes, kept, "stays at its frequency (%)"
            ),
        },
    )


def upsampling(file: pathlib.Path) -> None:
    """Magnitude maps of enlarged photographs, and after one convolution."""
    images = networks.photographs(0).reshape(32, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    (kernel,) = networks.kernels(0, 1, 3)
    maps: dict[str, Any] = {}
    for method in ("zero", "nearest", "bilinear"):
        big = networks.enlarge(images, method)
        maps[method] = big
        maps[f"{method}, 3 x 3"] = networks.layer(
            big, kernel, padding="zero", relu=False
        )
    _maps(maps, file)


def magnitude(file: pathlib.Path) -> None:
    """Magnitude maps of some layers of the networks of 50 layers."""
    maps: dict[str, Any] = {}
    stack = networks.kernels(0, 50, 3)
    for images, x in networks.inputs(0).items():
        for name in ("zero, ReLU", "circular, linear"):
            mode, relu = networks.NETWORKS[name]
            gain = 1.0 if relu else np.float32(0.5**0.5)
            scaled = [gain * kernel for kernel in stack]
            made = networks.features(x, scaled, mode, relu=relu)
            for number in (0, 1, 3, 10, 30, 50):
                maps[f"{images}, layer {number}\n{name}"] = made[number]
    _maps(maps, file)


def _maps(maps: dict[str, Any], file: pathlib.Path) -> None:
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        figure = plot_spectra(maps)
        save(figure, file)


def draw_all(measured: dict[str, Any], folder: pathlib.Path) -> None:
    """Writes every figure."""
    depth(measured, folder / "depth.svg")
    shares(measured, folder / "shares.svg")
    padding(measured, folder / "padding.svg")
    upsampling(folder / "upsampling.svg")
    magnitude(folder / "maps.svg")
