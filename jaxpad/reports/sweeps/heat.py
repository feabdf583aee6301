"""Heat maps of a sweep: paddings trained and tested, and maps of activations."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from jaxpad.reports.figure import INK, Plate
from jaxpad.reports.statistics import deviation
from jaxpad.reports.sweeps.borders import Borders
from jaxpad.reports.sweeps.key import shorten
from jaxpad.reports.sweeps.lines import note
from jaxpad.reports.sweeps.read import Arm, Sweep


# Of each figure its words, and the scale from what is stored.
CROSSED = {
    "accuracy": ("accuracy (%)", 100),
    "miou": ("mIoU (%)", 100),
    "loss": ("mean loss", 1),
    "border_loss": ("mean loss at the border", 1),
}
MAPPED = {
    "mean": ("Mean activation over test images", "mean |activation|"),
    "blank": ("Activation for an image of zeros", "mean |activation|"),
    "foveation": ("Foveation: how often each input pixel is used", "times used"),
}


class Grid(NamedTuple):
    """A matrix over seeds: rows arms, columns paddings; NaN where unknown."""

    rows: list[str]
    columns: list[str]
    mean: np.ndarray
    deviation: np.ndarray
    seeds: np.ndarray


def crossed(sweep: Sweep) -> list[Plate]:
    """Cross-padding matrices: trained as the row says, tested under the column.

    Args:
        sweep: the runs.
    """
    plates = []
    for figure, (unit, scale) in CROSSED.items():
        grid = cross_grid(sweep, figure, scale)
        if not np.isfinite(grid.mean).any():
            continue
        size = 2.4 + 0.92 * len(grid.columns), 1.9 + 0.55 * len(grid.rows)
        title = f"Trained under one padding, tested under another: {unit}"
        paint = partial(_paint_grid, grid, unit)
        plates.append(
            Plate(f"cross_{figure}", title, _in_words(grid, unit), paint, *size)
        )
    return plates


def reasons(sweep: Sweep) -> list[str]:
    """Why some paddings have no figures, each once.

    Args:
        sweep: the runs.
    """
    found: dict[str, None] = {}
    for arm in sweep.arms:
        for each in _borders(arm):
            for name, figures in each.cross.items():
                if reason := figures.get("reason"):
                    found[f"{arm.name} under {name}: {reason}"] = None
    return list(found)


def cross_grid(sweep: Sweep, figure: str, scale: int | float = 1) -> Grid:
    """A figure of each arm under each padding, over the seeds.

    Args:
        sweep: the runs.
        figure: one of `CROSSED`.
        scale: from the stored number to the unit.
    """
    arms = [arm for arm in sweep.arms if _borders(arm)]
    names = [name for arm in arms for each in _borders(arm) for name in each.cross]
    columns = list(dict.fromkeys(names))
    mean, spread, seeds = np.full((3, len(arms), len(columns)), np.nan)
    for row, arm in enumerate(arms):
        for column, name in enumerate(columns):
            found = [each.cross.get(name, {}).get(figure) for each in _borders(arm)]
            values = scale * np.array([v for v in found if v is not None], float)
            seeds[row, column] = values.size
            if values.size:
                mean[row, column] = values.mean()
                spread[row, column] = deviation(values)
    return Grid([arm.name for arm in arms], columns, mean, spread, seeds)


def maps(sweep: Sweep) -> list[Plate]:
    """Maps of each layer (rows) and arm (columns), a row in one range of colours."""
    plates = []
    for kind, (title, unit) in MAPPED.items():
        table = map_table(sweep.arms, kind)
        arms = [
            arm for arm in sweep.arms if any(arm.name in row for row in table.values())
        ]
        if not table:
            continue
        size = 1.3 + 1.5 * len(arms), 0.9 + 1.45 * len(table)
        heads = [f"{shorten(arm.name)}\n(n = {len(_borders(arm))})" for arm in arms]
        paint = partial(_paint_maps, table, [arm.name for arm in arms], heads, unit)
        alt = f"{title}: {len(table)} layers ({', '.join(table)}) of {len(arms)} arms."
        plates.append(
            Plate(f"map_{kind}", title, alt, paint, max(4.2, size[0]), size[1])
        )
    return plates


def map_table(arms: Sequence[Arm], kind: str) -> dict[str, dict[str, np.ndarray]]:
    """Layer -> arm -> the mean map over its seeds."""
    table: dict[str, dict[str, np.ndarray]] = {}
    for arm in arms:
        stored = [each.maps[kind] for each in _borders(arm)]
        for layer in dict.fromkeys(name for each in stored for name in each):
            found = [each[layer] for each in stored if layer in each]
            alike = [each for each in found if each.shape == found[0].shape]
            table.setdefault(layer, {})[arm.name] = np.mean(alike, axis=0)
    return table


def _borders(arm: Arm) -> list[Borders]:
    return [result.borders for result in arm.runs.values() if result.borders]


def _paint_grid(grid: Grid, unit: str, figure: Figure) -> None:
    axes = figure.add_subplot()
    shown = np.ma.masked_invalid(grid.mean)
    cells = axes.imshow(shown, cmap="cividis", interpolation="none", aspect="auto")
    figure.colorbar(cells, ax=axes, fraction=0.05).set_label(unit)
    digits = 1 if "%" in unit else 3
    for (row, column), value in np.ndenumerate(grid.mean):
        spread = grid.deviation[row, column]
        text = "none" if np.isnan(value) else f"{value:.{digits}f}"
        if np.isfinite(spread):
            text += f"\n± {spread:.{digits}f}"
        norm: Any = cells.norm
        bright = np.isnan(value) or norm(value) > 0.55
        color: Any = INK if bright else "white"
        axes.text(column, row, text, size=8, color=color, ha="center", va="center")
    most = grid.seeds.max(axis=1).astype(int)
    rows = [f"{shorten(r)}\n(n = {n})" for r, n in zip(grid.rows, most, strict=True)]
    axes.set_yticks(range(len(rows)), rows)
    upright = max(map(len, grid.columns)) <= 9
    axes.set_xticks(
        range(len(grid.columns)), grid.columns, rotation=0 if upright else 30
    )
    axes.set(xlabel="tested under", ylabel="trained with")
    axes.grid(visible=False)
    note(figure, "mean ± 1 sample standard deviation over the n seeds")


def _paint_maps(
    table: Mapping[str, Mapping[str, np.ndarray]],
    arms: Sequence[str],
    heads: Sequence[str],
    unit: str,
    figure: Figure,
) -> None:
    axes = figure.subplots(len(table), len(arms), squeeze=False)
    for row, (layer, found) in enumerate(table.items()):
        drawn = _row(figure, axes[row], [found.get(arm) for arm in arms])
        bar = figure.colorbar(drawn, ax=axes[row].tolist(), fraction=0.08, pad=0.03)
        bar.set_label(unit, size=8)
        bar.ax.tick_params(labelsize=7)
        bar.ax.yaxis.set_major_locator(MaxNLocator(4))
        axes[row, 0].set_ylabel(shorten(layer)[-20:], size=8)
    for axis, head in zip(axes[0], heads, strict=True):
        axis.set_title(head, size=8)
    note(figure, "mean over the n seeds; axes: cells; a layer has one range of colours")


def _row(figure: Figure, axes: Any, found: Sequence[np.ndarray | None]) -> Any:
    """One layer's maps in one range of colours."""
    values = np.concatenate([each.ravel() for each in found if each is not None])
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    high = high if high > low else low + 1  # else a colour bar moves the range of one
    drawn: Any = None
    for axis, each in zip(axes, found, strict=True):
        axis.grid(visible=False)
        axis.tick_params(labelsize=7)
        if each is None:
            axis.set_axis_off()
            continue
        height, width = each.shape  # ticks at both ends: more would not be read
        axis.set(xticks=sorted({0, width - 1}), yticks=sorted({0, height - 1}))
        options = {"vmin": low, "vmax": high, "interpolation": "none"}
        drawn = axis.imshow(each, cmap="viridis", **options)
    return drawn


def _in_words(grid: Grid, unit: str) -> str:
    cells = [
        f"{row} under {column}: {grid.mean[i, j]:.4g}"
        for i, row in enumerate(grid.rows)
        for j, column in enumerate(grid.columns)
        if np.isfinite(grid.mean[i, j])
    ]
    return f"{unit}, mean over seeds. {'; '.join(cells)}."
