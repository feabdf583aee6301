"""Folders of runs, as a sweep leaves them, for the tests of their reports."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tests.reports.runs import (
    make_answers,
    make_lines,
    make_mask_results,
    make_masks,
    make_results,
)


LAYERS = ("stem", "stages.2.conv")


def write_run(
    folder: pathlib.Path,
    config: Mapping[str, Any],
    value: float,
    *,
    task: str = "classification",
    borders: bool = False,
    steps: int = 12,
    **changes: Any,
) -> None:
    """A finished run whose headline figure is a given one."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    lines = make_lines(steps, 3)
    lines = [moved(line, value - 0.9) for line in lines]
    (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
    seed = config["seed"]
    masks = task == "segmentation"
    headline, results = "accuracy", make_results()
    if masks:
        headline, results = "miou", make_mask_results()
        np.savez(folder / "examples.npz", **make_masks(2))
    else:
        for name, count in (("examples", 2), ("errors", 3)):
            np.savez(folder / f"{name}.npz", **make_answers(count))
    results["test"][headline] = value
    results["best"][headline] = value + 0.01
    results |= {
        "seed": seed,
        "step_seconds": 0.01 + 0.001 * seed,
        "memory_bytes": 2**20,
    }
    results |= {"padding": config.get("padding", "zero")} | changes
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "report.html").write_text("<title>the page of a run</title>")
    if borders:
        write_borders(folder, headline, results["padding"], seed)


def moved(line: str, shift: float) -> str:
    """A line of the log whose test figures are higher."""
    row = json.loads(line)
    for key in {"test_accuracy", "test_miou"} & row.keys():
        row[key] += shift
    if "test_loss" in row:
        row["test_loss"] -= shift
    return json.dumps(row)


def write_borders(folder: pathlib.Path, headline: str, padding: str, seed: int) -> None:
    """What a run leaves of its look at borders."""
    rng = np.random.default_rng([seed, len(padding)])
    near = np.linspace(0.6, 0.9, 8) + 0.01 * rng.normal(size=8)
    parts = [round(0.1 * part, 1) for part in range(10)]
    crossed = {
        name: {
            headline: 0.9 - 0.15 * (name != padding) + 0.01 * rng.normal(),
            "loss": None,
            "border_loss": 0.4,
        }
        for name in ("zero", "partial", "reflect")
    }
    crossed["valid"] = {"accuracy": None, "loss": None, "reason": "8 pixels are few"}
    record = {
        "padding": padding,
        "headline": headline,
        "cross": crossed,
        "distance": {
            "what": "images with the nearest ink so many pixels from a border",
            "cells": list(range(8)),
            "count": [100] * 8,
            "accuracy": near.tolist(),
            "loss": (1 - near).tolist(),
        },
        "cutout": {
            "what": "the central rectangle is covered by the mean colour",
            "part": parts,
            "border": np.linspace(0.9, 0.5, 10).tolist(),
            "centre": [None, *np.linspace(0.3, 0.9, 9).tolist()],
        },
        "shift": {
            "pixels": [0, 1, 2, 3, 4],
            "consistency": [1.0, 0.97, 0.95, 0.93, 0.9],
            "accuracy": [0.9, 0.89, 0.88, 0.87, 0.85],
        },
        "unevenness": [
            {"layer": layer, "border_to_centre": 1.3 - 0.1 * n, "sides": [1, 1, 1, 1]}
            for n, layer in enumerate(LAYERS)
        ],
    }
    (folder / "borders.json").write_text(json.dumps(record))
    sizes = dict(zip(LAYERS, (16, 4), strict=True))
    maps = {}
    for layer, size in sizes.items():
        maps[f"mean/{layer}"] = rng.uniform(0.2, 1, (size, size)).astype(np.float32)
        maps[f"blank/{layer}"] = rng.normal(size=(size, size)).astype(np.float32)
        maps[f"foveation/{layer}"] = rng.integers(1, 9, (16, 16)).astype(np.float32)
    np.savez(folder / "borders.npz", **maps)


def write_sweep(
    folder: pathlib.Path,
    arms: Mapping[str, Sequence[float | None]],
    *,
    listed: bool = True,
    key: str = "padding",
    config: Mapping[str, Any] | None = None,
    **options: Any,
) -> pathlib.Path:
    """A run for each number of each arm, its seed the place; `None` is not finished."""
    entries = []
    for arm, values in arms.items():
        for seed, value in enumerate(values):
            name = f"{key}={arm},seed={seed}-0123abcd"
            whole = {"seed": 0, key: "zero", "model": "two_layers", "epochs": 4}
            whole = whole | dict(config or {}) | {"seed": seed, key: arm}
            entry = {"overrides": {key: arm, "seed": seed}, "folder": name}
            if value is None:
                (folder / name).mkdir(parents=True)
                (folder / name / "config.json").write_text(json.dumps(whole))
                entries.append(entry | {"state": "broken off"})
                continue
            write_run(folder / name, whole, value, **options)
            entries.append(
                entry | {"state": "finished", "headline": "accuracy", "value": value}
            )
    if listed:
        (folder / "sweep.json").write_text(json.dumps(entries))
    return folder
