"""The plots: gains over zero in each setting, and nets tested under other paddings."""

import pathlib
from typing import Any

import matplotlib
import numpy as np
from claims import ERRORS, Settings, by_number, comparison
from matplotlib.figure import Figure

from jaxpad.reports.figure import BLUE, GREY, INK, ORANGE, STYLE


def draw(settings: Settings, out: pathlib.Path) -> None:
    """Every plot that the settings have numbers for."""
    with matplotlib.rc_context(STYLE):
        _save(gains(settings), out / "gains.svg")
        crossed = {
            name: arms
            for name, arms in settings.items()
            if arms.get("zero", {}).get("cross")
        }
        if crossed:
            _save(matrices(crossed), out / "cross.svg")
        if any(ERRORS in arms.get("zero", {}) for arms in settings.values()):
            _save(errors(settings), out / "borders.svg")


def gains(settings: Settings) -> Figure:
    """A row for each setting and padding: every seed's difference, and the interval."""
    rows = [
        (name, padding)
        for name, arms in settings.items()
        for padding in arms
        if padding != "zero"
    ]
    figure = Figure(figsize=(7.2, 1.2 + 0.19 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, (name, padding) in enumerate(rows):
        arms = settings[name]
        ours, theirs = (by_number(arms[p], "final") for p in (padding, "zero"))
        each = [ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()]
        colour = ORANGE if padding.startswith("partial") else BLUE
        found = comparison(arms, padding, "final")
        axes.plot(each, [place] * len(each), "o", ms=3, mew=0, color=colour, alpha=0.5)
        axes.plot((found.low, found.high), (place, place), color=colour)
        axes.plot(found.mean, place, "|", ms=9, mew=2, color=colour)
    starts = [n for n, row in enumerate(rows) if n and row[0] != rows[n - 1][0]]
    for start in starts:
        axes.axhline(start - 0.5, color=GREY, linewidth=0.6)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [f"{name}: {p}" for name, p in rows], fontsize=7)
    axes.set(ylim=(len(rows) - 0.5, -0.5))
    axes.set_xlabel(
        "points above zero padding: accuracy, or mIoU of U-Net and DeepLabV3+\n"
        "a dot for each seed, the mean, its 95% interval; orange: partial convolution"
    )
    return figure


def matrices(settings: Settings) -> Figure:
    """A panel for each setting: trained with the row, tested under the column."""
    columns = 2
    rows = -(-len(settings) // columns)
    figure = Figure(figsize=(7.6, 2.7 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, arms) in zip(panels, settings.items(), strict=False):
        names = list(arms)
        values = np.array(
            [[_mean(arms[r]["cross"].get(c)) for c in names] for r in names]
        )
        spread = np.array(
            [[_spread(arms[r]["cross"].get(c)) for c in names] for r in names]
        )
        axes.imshow(values, cmap="cividis", aspect="auto")
        middle = (np.nanmin(values) + np.nanmax(values)) / 2
        for (row, column), value in np.ndenumerate(values):
            shown = f"{value:.0f}±{spread[row, column]:.0f}" if value >= 0 else "-"
            colour = "white" if value <= middle else "black"
            axes.text(
                column, row, shown, ha="center", va="center", color=colour, fontsize=7
            )
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.grid(visible=False)
        axes.set_title(f"{name}: {_figure(name)} in percent", fontsize=9)
        axes.set_xlabel("tested under", fontsize=8)
        axes.set_ylabel("trained with", fontsize=8)
    figure.supxlabel("mean ± sample standard deviation over the seeds", fontsize=8)
    for axes in panels[len(settings) :]:
        axes.remove()
    return figure


def errors(settings: Settings) -> Figure:
    """Wrong pixels at the border and in the centre, of each padding."""
    shown = {n: arms for n, arms in settings.items() if ERRORS in arms["zero"]}
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False, sharey=True).ravel()
    for axes, (name, arms) in zip(panels, shown.items(), strict=True):
        for n, (key, colour) in enumerate(((ERRORS, ORANGE), ("centre errors", BLUE))):
            values = [list(by_number(arm, key).values()) for arm in arms.values()]
            places = np.arange(len(arms)) + 0.2 * n - 0.1
            for place, each in zip(places, values, strict=True):
                axes.plot([place] * len(each), each, "o", ms=3, mew=0, color=colour)
            means = [np.mean(each) for each in values]
            axes.plot(places, means, "_", ms=9, mew=2, color=colour, label=key)
        axes.set_xticks(range(len(arms)), list(arms), rotation=40, ha="right")
        axes.set_title(name)
    panels[0].set(ylabel="wrong pixels in percent\na dot for each seed, and the mean")
    panels[0].set_ylim(bottom=0)
    panels[-1].legend()
    return figure


def _mean(values: Any) -> float:
    known = [value for value in values or () if value is not None]
    return float(np.mean(known)) if known else np.nan


def _spread(values: Any) -> float:
    known = [value for value in values or () if value is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else np.nan


def _figure(name: str) -> str:
    return "accuracy" if name.startswith(("ResNet", "VGG")) else "mIoU"


def _save(figure: Figure, path: pathlib.Path) -> None:
    figure.savefig(path, metadata={"Date": None})
