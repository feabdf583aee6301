"""The picture: test loss over the texts that were read, a line for each arm."""

import pathlib
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from jaxpad.reports.figure import BLUE, GREY, INK, ORANGE, STYLE


# Where losses are the same, lines lie one on another: dashes over a wide one.
LOOKS: dict[str, dict[str, Any]] = {
    "padded": {"color": GREY, "linewidth": 5, "alpha": 0.5},
    "flattened": {"color": BLUE, "linestyle": "-"},
    "packed without a mask": {"color": ORANGE, "linestyle": "-"},
    "packed": {"color": INK, "linestyle": "--"},
    "packed, as many rows": {"color": ORANGE, "linestyle": ":"},
}


def draw(runs: dict[str, Any], file: pathlib.Path) -> None:
    """Means over the seeds, with the sample standard deviation as a band."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axes = figure.subplots()
        for name, of_seeds in runs.items():
            curves = np.array([run["curve"] for run in of_seeds.values()])
            texts, means = curves[..., 0].mean(0), curves[..., 1].mean(0)
            spread = curves[..., 1].std(0, ddof=1)
            axes.plot(texts, means, label=name, **LOOKS[name])
            band = {"color": LOOKS[name]["color"], "alpha": 0.2, "linewidth": 0}
            axes.fill_between(texts, means - spread, means + spread, **band)
        axes.set(xlabel="texts read", ylabel="test loss, nats a byte")
        axes.legend()
        figure.savefig(file, metadata={"Date": None, "Creator": None})
