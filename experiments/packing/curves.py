"""What the text job learns, padded, packed, and packed without a mask."""

import pathlib
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxpad.reports.folder import Run
from jaxpad.reports.sweeps.read import read_sweep


ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNS = pathlib.Path("runs/packing")
SEEDS, JOBS = 5, 2
POINTS = 25  # of a curve: each is the mean of so many parts of all steps
# Arm -> the keys that it has other than the job.
ARMS = {
    "padded": {"batching": "padded"},
    "packed": {"batching": "packed"},
    "packed without a mask": {
        "batching": "packed",
        "model": "experiments.packing.unmasked:bert_tiny(positions='rotary')",
    },
}


def measure(runs: pathlib.Path = RUNS, more: Sequence[str] = ()) -> dict[str, Any]:
    """Trains what is missing, and reads the runs of every arm.

    Args:
        runs: where they are; what is finished there is not trained again.
        more: flags for `launch.py`, by which the job is another.
    """
    found, start = {}, time.monotonic()
    for number, (name, keys) in enumerate(ARMS.items()):
        print(f"\n{name}: arm {number + 1} of {len(ARMS)}", flush=True)
        folder = runs / name.replace(" ", "-")
        train(keys, folder, more)
        (arm,) = read_sweep(folder).arms
        found[name] = {str(s): collect(it.run) for s, it in arm.runs.items()}
        spent = (time.monotonic() - start) / 60
        left = spent / (number + 1) * (len(ARMS) - number - 1)
        print(f"{spent:.0f} min, about {left:.0f} min left", flush=True)
    return found


def train(keys: dict[str, str], folder: pathlib.Path, more: Sequence[str]) -> None:
    """Trains what is missing of an arm; `folder` is that of its sweep."""
    command = [
        sys.executable,
        str(ROOT / "launch.py"),
        f"--config={ROOT / 'configs' / 'bert_text.py'}",
        *(f"--config.{key}={value}" for key, value in keys.items()),
        f"--workdir={folder}",
        f"--jobs={JOBS}",
        *more,
        "--sweep",
        f"seed=0:{SEEDS}",
    ]
    code = subprocess.run(command, check=False).returncode
    if code:
        sys.exit(f"{folder.name} ended with {code}; the same command goes on with it")


def collect(run: Run) -> dict[str, Any]:
    """The curve of a run, texts read and nats a byte, and what it ended with."""
    texts, losses = (
        np.array([part.mean() for part in np.array_split(numbers, POINTS)])
        for numbers in (np.cumsum(run.train["sequences"]), run.train["loss"])
    )
    test = run.results["test"]
    return {
        "curve": np.stack([texts, losses], 1).round(4).tolist(),
        "loss": round(test["loss"], 5),
        "accuracy": round(test["accuracy"], 5),
        "steps": len(run.train["loss"]),
        "texts": int(run.train["sequences"].sum()),
        "minutes": round(run.results["train_seconds"] / 60, 2),
    }
