"""Every number of a sweep's page, as JSON."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxpad.reports.figure import Plate
from jaxpad.reports.sweeps.heat import CROSSED, MAPPED, cross_grid, map_table
from jaxpad.reports.sweeps.lines import Chart
from jaxpad.reports.sweeps.metrics import Row, Table
from jaxpad.reports.sweeps.read import Sweep


def record(
    sweep: Sweep,
    baseline: str,
    tables: Sequence[Table],
    costs: Sequence[Table],
    charts: Sequence[Chart],
    plates: Sequence[Plate],
) -> dict[str, Any]:
    """What `report.json` holds; a number that is not known is null.

    Args:
        sweep: the runs.
        baseline: the name of the arm that others are compared with.
        tables: of figures.
        costs: of what training takes.
        charts: of lines.
        plates: the figures, which lie in `figures/`.
    """
    grids = {
        figure: cross_grid(sweep, figure, scale)
        for figure, (_, scale) in CROSSED.items()
    }
    found = {
        "baseline": baseline,
        "keys": sweep.keys,
        "arms": [
            {
                "name": arm.name,
                "runs": {seed: run.folder for seed, run in arm.runs.items()},
            }
            for arm in sweep.arms
        ],
        "missing": [missing._asdict() for missing in sweep.missing],
        "warnings": sweep.warnings,
        "metrics": [_table(table) for table in tables],
        "costs": [_table(table) for table in costs],
        "lines": [
            chart.frame._asdict() | {"arms": [one._asdict() for one in chart.lines]}
            for chart in charts
        ],
        "maps": {kind: _maps(map_table(sweep.arms, kind)) for kind in MAPPED},
        "cross": {name: grid._asdict() for name, grid in grids.items() if grid.columns},
        "figures": [f"figures/{plate.name}.png" for plate in plates],
    }
    return _plain(found)


def _table(table: Table) -> dict[str, Any]:
    metric = table.metric._asdict()
    kept = {key: metric[key] for key in ("key", "title", "unit")}
    return kept | {"arms": [_row(row) for row in table.rows]}


def _row(row: Row) -> dict[str, Any]:
    """In the metric's unit."""
    kept = row._asdict()
    against = kept.pop("against")
    corrected = kept.pop("corrected")
    needed, needed_corrected = kept.pop("needed"), kept.pop("needed_corrected")
    if against is None:
        return kept
    return kept | {
        "difference": against.mean,
        "interval": [against.low, against.high],
        "p": against.p,
        "p_corrected": corrected,
        "effect": against.effect,
        "compared": against.how,
        "compared_seeds": against.seeds,
        "seeds_needed": needed,
        "seeds_needed_corrected": needed_corrected,
    }


def _maps(
    table: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[str, dict[str, list[list[float]]]]:
    """Layer -> arm -> the map, to five digits."""
    return {
        layer: {
            arm: [[float(f"{cell:.5g}") for cell in row] for row in map_]
            for arm, map_ in arms.items()
        }
        for layer, arms in table.items()
    }


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
