"""What the curves say: the claims about learning, their table and their picture."""

import pathlib
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from jaxpad.reports.figure import BLUE, GREY, ORANGE, STYLE
from jaxpad.reports.markdown import table
from jaxpad.reports.statistics import by_seed, within


# Nats a byte: losses that lie nearer are the same, as in packing_attention.
SAME, LEVEL = 0.02, 0.05
UNKNOWN = "cannot be told"
# Padded and packed lie one on another: a line over a wide one.
LOOKS: dict[str, dict[str, Any]] = {
    "padded": {"color": GREY, "linewidth": 5, "alpha": 0.5},
    "packed": {"color": BLUE},
    "packed without a mask": {"color": ORANGE},
}


def judge(curves: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The paper's two claims about learning, by test losses paired by seed."""
    same = by_seed(losses(curves["packed"]), losses(curves["padded"]))
    worse = by_seed(losses(curves["packed without a mask"]), losses(curves["packed"]))
    told = {True: "holds", False: "does not hold", None: UNKNOWN}
    harm = told[worse.mean > 0] if worse.p <= LEVEL else UNKNOWN
    return {
        "packed teaches as padded, text for text": {
            "verdict": told[within(same, SAME)],
            "here": shown(same, "above padded"),
        },
        "without a mask it learns less": {
            "verdict": harm,
            "here": f"{shown(worse, 'above packed')}, p = {worse.p:.2g}",
        },
    }


def shown(found: Any, of: str) -> str:
    interval = f"{found.low:+.3f} to {found.high:+.3f}"
    return f"{found.mean:+.3f} nats a byte {of} ({interval}, {found.seeds} seeds)"


def losses(of_seeds: dict[str, Any]) -> dict[int, float]:
    """Seed -> the test loss in the end.

    Raises:
        ValueError: if one is not finite, which a comparison would leave out.
    """
    found = {int(seed): run["loss"] for seed, run in of_seeds.items()}
    if wrong := [seed for seed, loss in found.items() if not np.isfinite(loss)]:
        raise ValueError(f"the losses of seeds {wrong} are not finite: see their runs.")
    return found


def ends(curves: dict[str, Any]) -> str:
    """What was reached, mean and sample standard deviation over the seeds."""

    def over(runs: Any, key: str) -> np.ndarray:
        return np.array([run[key] for run in runs.values()])

    def line(name: str, runs: Any) -> tuple[str, ...]:
        loss, accuracy = over(runs, "loss"), 100 * over(runs, "accuracy")
        return (
            name,
            f"{loss.mean():.3f} ± {loss.std(ddof=1):.3f}",
            f"{accuracy.mean():.1f} ± {accuracy.std(ddof=1):.1f}",
            f"{over(runs, 'texts').mean():,.0f}",
            f"{over(runs, 'steps').mean():,.0f}",
        )

    heads = ("arm", "test loss, nats a byte", "hidden bytes told, %", "texts", "steps")
    return table(heads, [line(name, runs) for name, runs in curves.items()])


def draw(curves: dict[str, Any], file: pathlib.Path) -> None:
    """Training loss over the texts read: means, and a standard deviation as a band."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axes = figure.subplots()
        for name, runs in curves.items():
            every = np.array([run["curve"] for run in runs.values()])
            texts, means = every[..., 0].mean(0), every[..., 1].mean(0)
            spread = every[..., 1].std(0, ddof=1)
            axes.plot(texts, means, label=name, **LOOKS[name])
            band = {"color": LOOKS[name]["color"], "alpha": 0.2, "linewidth": 0}
            axes.fill_between(texts, means - spread, means + spread, **band)
        axes.set(xlabel="texts read", ylabel="training loss, nats a hidden byte")
        axes.legend()
        figure.savefig(file, metadata={"Date": None, "Creator": None})
