"""What a finished run found: results.json and errors.npz, for reports to read."""

import json
import pathlib
from typing import Any

import jax
import numpy as np

from ..analysis import border_share
from ..data import Dataset, as_arrays
from .build import Job
from .evaluate import Evaluation, wilson_interval
from .workdir import write_whole


ERRORS_KEPT = 64


def write_results(
    folder: pathlib.Path,
    job: Job,
    evaluation: Evaluation,
    rows: list[dict[str, Any]],
) -> dict[str, Any]:
    """Writes `results.json` and `errors.npz`.

    Args:
        folder: the run's folder.
        job: the job that ran.
        evaluation: of the test examples after the last step.
        rows: of metrics.jsonl.

    Returns:
        What stands in results.json.
    """
    tested = [
        (row["test_accuracy"], row["epoch"]) for row in rows if "test_loss" in row
    ]
    last = (evaluation.accuracy, float(job.config["epochs"]))
    accuracy, epoch = max(tested, default=last, key=lambda row: row[0])
    results = {
        "dataset": {
            "name": job.dataset.name,
            "classes": list(job.dataset.classes),
            "note": job.dataset.note,
        },
        "padding": job.config["padding"],
        "model": {"name": job.config["model"], "parameters": job.parameters},
        "device": f"{jax.devices()[0].device_kind} x{jax.device_count()}",
        "steps": job.steps,
        "epochs": job.config["epochs"],
        "seed": job.config["seed"],
        "train_seconds": train_seconds(rows),
        "test": {
            **_counts(evaluation.predictions == evaluation.labels),
            "loss": evaluation.loss,
        },
        "best": {"epoch": epoch, "accuracy": accuracy},
        "confusion": evaluation.confusion().tolist(),
        "border": border_groups(job.dataset, evaluation),
    }
    write_whole(folder / "results.json", json.dumps(results, indent=2) + "\n")
    np.savez_compressed(folder / "errors.npz", **_errors(job.dataset, evaluation))  # pyright: ignore[reportArgumentType]
    return results


def train_seconds(rows: list[dict[str, Any]]) -> float:
    """Spent on steps so far, over all the times that the run was started."""
    return next((r["train_seconds"] for r in rows[::-1] if "train_seconds" in r), 0.0)


def border_groups(dataset: Dataset, evaluation: Evaluation) -> dict[str, Any] | None:
    """Accuracy by how near the object is to the border, in three equal groups.

    None where the background is not zero: intensity says nothing of position then.
    """
    if not dataset.zero_background:
        return None
    share = border_share(as_arrays(dataset.test)[0])
    right = evaluation.predictions == evaluation.labels
    groups = np.array_split(np.argsort(share, kind="stable"), 3)
    return {
        "width": 1,
        "quantity": "share of the ink in the outermost ring of pixels",
        "groups": [
            {
                "label": label,
                "range": [float(share[chosen].min()), float(share[chosen].max())],
                **_counts(right[chosen]),
            }
            for label, chosen in zip(
                ("centre", "between", "border"), groups, strict=True
            )
        ],
    }


def _counts(right: np.ndarray) -> dict[str, Any]:
    correct, n = int(right.sum()), len(right)
    return {
        "examples": n,
        "correct": correct,
        "accuracy": correct / n,
        "interval": list(wilson_interval(correct, n)),
    }


def _errors(dataset: Dataset, evaluation: Evaluation) -> dict[str, np.ndarray]:
    """The most confident mistakes, with their images."""
    probability = np.exp(evaluation.log_probabilities.max(-1))
    wrong = np.flatnonzero(evaluation.predictions != evaluation.labels)
    worst = wrong[np.argsort(-probability[wrong], kind="stable")][:ERRORS_KEPT]
    return {
        "index": worst,
        "image": as_arrays(dataset.test)[0][worst],
        "label": evaluation.labels[worst],
        "prediction": evaluation.predictions[worst],
        "probability": probability[worst],
    }
