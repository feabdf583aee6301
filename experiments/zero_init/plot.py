"""The plots: accuracy by depth, and a kernel's stable rank by step."""

import pathlib
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from training import EVERY

from jaxpad.reports.figure import BLUE, ORANGE, PALE, STYLE


LOOKS: dict[str, dict[str, Any]] = {
    "ZerO": {"color": BLUE, "linestyle": "-"},
    "ZerO, dct": {"color": PALE, "linestyle": "-"},
    "Kaiming": {"color": ORANGE, "linestyle": "-"},
    "Kaiming, branches end in zeros": {"color": ORANGE, "linestyle": "--"},
    "Xavier": {"color": "#767676", "linestyle": ":"},
}


def draw_accuracy(accuracy: dict[str, Any], file: pathlib.Path) -> None:
    """A panel for each kind of network: the mean over seeds, and a dot for each."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (norm, inits) in zip(panels, accuracy.items(), strict=True):
            for init, depths in inits.items():
                x = [int(depth) for depth in depths]
                values = [found["values"] for found in depths.values()]
                axes.plot(x, np.mean(values, axis=1), label=init, **LOOKS[init])
                axes.plot(x, values, "o", ms=3, mew=0, color=LOOKS[init]["color"])
            axes.set(title=norm, xscale="log", xticks=x, xticklabels=x)
            axes.minorticks_off()
            axes.set_xlabel("layers")
        panels[0].set(ylim=(0, 102), ylabel="test accuracy in percent; chance is 10")
        _save(figure, panels[0], file)


def draw_ranks(ranks: dict[str, Any], file: pathlib.Path) -> None:
    """Both convolutions of a block, a line for each seed."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.4), layout="constrained")
        panels = figure.subplots(2, 2, sharex=True, sharey=True)
        for row, (norm, inits) in zip(panels, ranks.items(), strict=True):
            for init, kernels in inits.items():
                for axes, (kernel, runs) in zip(row, kernels.items(), strict=True):
                    lines = np.transpose(runs)
                    steps = EVERY * np.arange(len(lines))
                    label = [init] + ["_"] * (len(runs) - 1)
                    axes.plot(steps, lines, linewidth=1, label=label, **LOOKS[init])
                    axes.set_title(f"{norm}: the block's {kernel} convolution")
        for axes in panels[1]:
            axes.set_xlabel("step")
        for axes in panels[:, 0]:
            axes.set_ylabel("stable rank")
        _save(figure, panels[0, 0], file)


def _save(figure: Figure, axes: Any, file: pathlib.Path) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    figure.savefig(file, metadata={"Date": None, "Creator": None})
