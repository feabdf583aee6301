"""The plots: memory by stage, over the devices, and the share in vision models."""

import pathlib
from typing import Any

import matplotlib
import numpy as np
from decoder import LARGE, count, formula
from matplotlib.figure import Figure

from jaxpad.reports.figure import BLUE, GREY, ORANGE, PALE, STYLE


LOOKS = {"0": GREY, "1": PALE, "2": BLUE, "3": ORANGE}
BY_LAYER = "3, layer by layer"


def draw_bars(
    decoder: dict[str, Any], paper: dict[str, float], file: pathlib.Path
) -> None:
    """The paper's figures, the compiled state, and the peak of a step."""
    cpu, tpu = (decoder.get(place, {}).get("64", {}) for place in ("cpu", "v5p"))
    series = {
        "paper": (GREY, paper),
        "state, as compiled": (BLUE, {s: cpu[s]["state"] / 1e9 for s in paper}),
        "peak of a step on v5p": (PALE, _peaks(tpu, paper)),
        "peak, gathered layer by layer": (
            ORANGE,
            {"3": tpu[BY_LAYER]["peak"] / 1e9} if BY_LAYER in tpu else {},
        ),
    }
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axes = figure.subplots()
        for number, (name, (colour, values)) in enumerate(series.items()):
            places = [int(stage) + (number - 1.5) / 5 for stage in values]
            bars = axes.bar(places, values.values(), 0.19, color=colour, label=name)
            axes.bar_label(bars, fmt="%.3g", fontsize=8)
        if "refused" in tpu.get("0", {}):
            axes.text(0.1, 2, "refused by v5p", rotation=90, va="bottom", ha="center")
        axes.set_xticks(range(4), [f"stage {stage}" for stage in paper])
        axes.set(ylabel="GB a device, 64 devices", ylim=(0, 132))
        axes.grid(axis="x", visible=False)
        axes.set_axisbelow(True)
        axes.legend()
        _save(figure, file)


def _peaks(tpu: dict[str, Any], paper: dict[str, float]) -> dict[str, float]:
    return {s: tpu[s]["peak"] / 1e9 for s in paper if "peak" in tpu.get(s, {})}


def draw_devices(decoder: dict[str, Any], file: pathlib.Path) -> None:
    """Lines are the formula, dots what is compiled."""
    devices = 2.0 ** np.arange(0, 10.01, 0.25)
    marks = {"cpu": ("o", "none", 7), "v5p": ("x", None, 5)}
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        axes = figure.subplots()
        for stage, colour in LOOKS.items():
            line = [formula(count(LARGE), int(stage), n) / 1e9 for n in devices]
            axes.plot(devices, line, color=colour, label=f"stage {stage}, formula")
            for place, (mark, face, size) in marks.items():
                found = {
                    int(n): stages[stage]["state"] / 1e9
                    for n, stages in decoder.get(place, {}).items()
                    if "state" in stages.get(stage, {})
                }
                axes.plot(
                    *zip(*found.items(), strict=True) if found else ([], []),
                    mark,
                    color=colour,
                    mfc=face,
                    ms=size,
                    label=f"compiled, {place}" if stage == "0" else "_",
                )
        axes.set(xscale="log", yscale="log", xlabel="devices", ylabel="GB a device")
        ticks = [1, 4, 16, 64, 256, 1024]
        axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
        axes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        axes.minorticks_off()
        axes.legend(loc="lower left")
        _save(figure, file)


def draw_vision(vision: dict[str, Any], file: pathlib.Path) -> None:
    """What a step holds at its peak without ZeRO, and at the other stages."""
    kinds = {"parameters": GREY, "gradients": BLUE, "optimizer state": ORANGE}
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        axes = figure.subplots()
        names = [name for name, stages in vision.items() if "0" in stages]
        left = np.zeros(len(names))
        for kind, colour in kinds.items():
            part = np.array([_part(vision[name]["0"], kind) for name in names])
            axes.barh(names, part, 0.5, left, color=colour, label=kind)
            left += part
        rest = "activations and scratch"
        axes.barh(names, 100 - left, 0.5, left, color=PALE, label=rest)
        for row, name in enumerate(names):
            for stage, mark in (("1", "o"), ("3", "D")):
                if stage in vision[name]:
                    share = vision[name][stage]["peak"] / vision[name]["0"]["peak"]
                    first = row == 0
                    label = f"peak at stage {stage}" if first else "_"
                    axes.plot(100 * share, row, mark, color="black", ms=5, label=label)
        axes.set_xlabel("percent of the peak without ZeRO")
        axes.grid(axis="y", visible=False)
        axes.set_axisbelow(True)
        axes.invert_yaxis()
        figure.legend(loc="outside upper center", ncols=3)
        _save(figure, file)


def _part(found: dict[str, Any], kind: str) -> float:
    return 100 * found["state"][kind] / found["peak"]


def _save(figure: Figure, file: pathlib.Path) -> None:
    figure.savefig(file, metadata={"Date": None, "Creator": None})
