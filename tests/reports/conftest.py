"""A small folder that looks like a run's, for every test of the reports."""

import json
import pathlib
from typing import Any

import numpy as np
import pytest


CLASSES = ["0", "1", "8"]
CONFUSION = [[9, 1, 0], [0, 10, 0], [0, 3, 7]]
BORDER = {
    "width": 1,
    "quantity": "share of the ink in the outermost ring of pixels",
    "groups": [
        {
            "label": "centre",
            "range": [0.0, 0.05],
            "examples": 20,
            "correct": 19,
            "accuracy": 0.95,
            "interval": [0.76, 0.99],
        },
        {
            "label": "edge",
            "range": [0.05, 0.4],
            "examples": 10,
            "correct": 7,
            "accuracy": 0.7,
            "interval": [0.4, 0.89],
        },
    ],
}


def make_results(**changes: Any) -> dict[str, Any]:
    """What results.json holds; a change replaces a whole top-level key."""
    results = {
        "dataset": {"name": "tiny", "classes": CLASSES, "note": "Paper lies outside."},
        "padding": "partial",
        "model": {"name": "two_layers", "parameters": 77850},
        "device": "cpu x1",
        "steps": 1234,
        "epochs": 4,
        "seed": 7,
        "train_seconds": 60.2,
        "test": {
            "examples": 30,
            "correct": 26,
            "accuracy": 26 / 30,
            "interval": [0.7032, 0.9469],
            "loss": 0.4321,
        },
        "best": {"epoch": 3.0, "accuracy": 0.9123},
        "confusion": CONFUSION,
        "border": BORDER,
    }
    return results | changes


def make_lines(steps: int, every: int) -> list[str]:
    """A log of that many steps, with an evaluation after each `every` of them."""
    lines = []
    for step in range(1, steps + 1):
        epoch, loss = step / max(every, 1), 2.0 / step
        train = {"loss": loss, "accuracy": 1 - loss / 2, "learning_rate": 0.1}
        train |= {
            "grad_norm": 1.5,
            "images_per_second": 900.0,
            "train_seconds": 0.1 * step,
        }
        lines.append(json.dumps({"step": step, "epoch": epoch} | train))
        if every and step % every == 0:
            test = {"test_loss": loss + 0.1, "test_accuracy": 0.9 - loss / 4}
            lines.append(json.dumps({"step": step, "epoch": epoch} | test))
    return lines


def make_errors(count: int, channels: int = 1) -> dict[str, Any]:
    """Mistakes that say 1 where 8 is true, with random pixels."""
    rng = np.random.default_rng(0)
    return {
        "image": rng.integers(0, 256, (count, 5, 4, channels), dtype=np.uint8),
        "label": np.full(count, 2),
        "prediction": np.full(count, 1),
        "probability": np.linspace(0.97, 0.4, count, dtype=np.float32),
        "index": 211 + np.arange(count),
    }


@pytest.fixture
def make_run(tmp_path: pathlib.Path):
    """A function that writes a run's folder and returns it."""

    def make(
        name: str = "run",
        *,
        steps: int = 12,
        every: int = 3,
        errors: int = 4,
        channels: int = 1,
        config: dict[str, Any] | None = None,
        **results: Any,
    ) -> pathlib.Path:
        folder = tmp_path / name
        folder.mkdir()
        config = config or {"seed": 7, "model": {"name": "two_layers", "width": 16}}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "results.json").write_text(json.dumps(make_results(**results)))
        lines = make_lines(steps, every)
        (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
        np.savez(folder / "errors.npz", **make_errors(errors, channels))
        return folder

    return make
