"""The study's picture, from its results alone."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib


matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes


MODES = ("partial", "circular", "reflect", "symmetric", "replicate")
PEERS = ("jaxpad", "jaxpad built_in", "flax", "equinox", "torch")
COLOURS = ("#0b6e99", "#d9730d", "#4d8b31", "#8a4fa3", "#777777")


def draw(results: Mapping[str, Any], path: pathlib.Path) -> None:
    """Draws each part that was measured."""
    figure, axes = plt.subplots(3, 2, figsize=(11, 10.5), layout="constrained")
    cpu = {**results.get("residual", {}), **results.get("network", {})}
    series = {
        program: {mode: arms[mode] for mode in MODES} for program, arms in cpu.items()
    }
    _dots(axes[0, 0], series, "ratio", "CPU: time of a training step", 1.05)
    _dots(axes[0, 1], series, "memory", "CPU: memory of a training step", 1.05)
    ways = {
        program: {arm: cost for arm, cost in arms.items() if "," in arm}
        for program, arms in results.get("residual", {}).items()
    }
    _dots(axes[1, 0], ways, "ratio", "CPU: time of a training step by strategy", 1.05)
    _dots(axes[1, 1], _by_library(results), "ratio", "CPU: one convolution", None)
    tpu = {
        name: {arm: cost for arm, cost in arms.items() if arm != "zero, built_in"}
        for name, arms in results.get("tpu", {}).items()
    }
    _dots(axes[2, 0], tpu, "ratio", "TPU v5e: bytes of a training step", None)
    _dots(axes[2, 1], _sent(results), "ratio", "Bytes between eight devices", None)
    figure.suptitle("Cost beside zero padding (1 = zeros; bars: 95% intervals)")
    figure.savefig(path, metadata={"Date": None})


def _sent(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Forward bytes and those with the backward pass, beside GSPMD's of zeros."""
    found = results.get("sharded", {})
    return {
        f"{way}, {what}": {
            name.split()[0]: {"ratio": sent[i] / found["zero GSPMD"][i]}
            for name, sent in found.items()
            if name.endswith(way)
        }
        for way in ("halo", "GSPMD")
        for i, what in enumerate(("forward", "and backward"))
    }


def _by_library(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = results.get("peers", {})
    return {
        library: {
            f"{mode}\n{name}": found[f"{library} {name}"][mode]
            for name in ("56x56x64", "14x14x256")
            for mode in ("circular", "reflect", "replicate")
            if mode in found.get(f"{library} {name}", {})
        }
        for library in PEERS
    }


def _dots(
    axes: Axes,
    series: Mapping[str, Mapping[str, Any]],
    key: str,
    title: str,
    target: float | None,
) -> None:
    labels = list(dict.fromkeys(label for arms in series.values() for label in arms))
    for number, (name, arms) in enumerate(series.items()):
        shift = 0.16 * (number - (len(series) - 1) / 2)
        places = [labels.index(label) + shift for label in arms]
        values = [arm[key] for arm in arms.values()]
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(places, values, "o", color=colour, label=name)
        if key == "ratio":
            _intervals(axes, places, list(arms.values()), colour)
    axes.axhline(1, color="black", linewidth=0.8)
    if target:
        axes.axhline(target, color="black", linewidth=0.8, linestyle=":")
    long = max(map(len, labels), default=0) > 12
    turned = {"rotation": 45 if len(labels) > 10 else 20, "ha": "right"} if long else {}
    axes.set_xticks(range(len(labels)), labels, fontsize=8, **turned)
    axes.set_title(title, fontsize=10)
    if series:
        columns = len(series) if sum(map(len, series)) < 60 else 2
        # Room for the legend above the points.
        axes.margins(y=0.15 if columns == len(series) else 0.25)
        axes.legend(fontsize=7, ncols=columns, loc="upper center")


def _intervals(
    axes: Axes, places: Sequence[float], arms: Sequence[Any], colour: str
) -> None:
    for place, arm in zip(places, arms, strict=True):
        if "interval" in arm:
            axes.plot([place, place], arm["interval"], color=colour, linewidth=1.5)
