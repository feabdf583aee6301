"""What a finished run found: results.json and pictures, for reports to read."""

import json
import math
import pathlib
from typing import Any

import jax
import numpy as np
from jaxtyping import Int

from ..analysis import border_share
from ..data import Dataset, as_arrays
from ..untrusted import read_json
from .build import Job
from .evaluate import Evaluation, wilson_interval
from .pictures import write_pictures
from .segmentation import Segmentation
from .texts import Language
from .workdir import write_whole


MATRIX = 40  # classes; of more, a matrix is mostly zeros and only some cells are kept
CONFUSIONS = 100  # the most frequent ones, whatever the number of classes


def write_results(
    folder: pathlib.Path,
    job: Job,
    evaluation: Evaluation | Segmentation | Language,
    rows: list[dict[str, Any]],
    memory_bytes: int | None = None,
) -> dict[str, Any]:
    """Writes `results.json` and examples of what was said.

    Args:
        folder: the run's folder.
        job: the job that ran.
        evaluation: of the test examples after the last step.
        rows: of metrics.jsonl.
        memory_bytes: most of a device that a training step takes, if that is known;
            else what the folder says already.

    Returns:
        What stands in results.json.
    """
    results = {
        "dataset": {
            "name": job.dataset.name,
            "task": job.dataset.task,
            "classes": list(job.dataset.classes),
            "note": job.dataset.note,
        },
        "padding": job.config["padding"],
        "model": {"name": job.config["model"], "parameters": job.parameters},
        "device": f"{jax.devices()[0].device_kind} x{jax.device_count()}",
        "steps": job.steps,
        "epochs": job.epochs,
        "seed": job.config["seed"],
        "train_seconds": train_seconds(rows),
        "step_seconds": step_seconds(rows),
        "memory_bytes": memory_bytes or _known(folder, "memory_bytes"),
        "skipped_steps": int(sum(row.get("skipped") or 0 for row in rows)),
        "headline": job.task.headline,
        "trivial": {name: _number(v) for name, v in evaluation.trivial().items()},
        "best": _best(job, evaluation, rows),
        **_found(job, evaluation, rows),
    }
    write_whole(folder / "results.json", json.dumps(results, indent=2) + "\n")
    write_pictures(folder, job, evaluation)
    return results


def train_seconds(rows: list[dict[str, Any]]) -> float:
    """Spent on steps so far, over all the times that the run was started."""
    return next((r["train_seconds"] for r in rows[::-1] if "train_seconds" in r), 0.0)


def step_seconds(rows: list[dict[str, Any]]) -> float | None:
    """Mean of a training step, compiling not counted, since the run last started."""
    means = [mean for r in rows if (mean := r.get("step_seconds"))]
    return means[-1] if means else None


def _found(
    job: Job, evaluation: Evaluation | Segmentation | Language, rows: list[Any]
) -> dict[str, Any]:
    """What an evaluation found, which is another thing in each task."""
    if isinstance(evaluation, Language):
        return {"test": _of_texts(evaluation), "packing": _packing(job, rows)}
    if isinstance(evaluation, Segmentation):
        return {"test": _of_masks(evaluation), **_confused(evaluation.confusion)}
    return {
        "test": _of_classes(evaluation),
        **_confused(evaluation.confusion()),
        "border": border_groups(job.dataset, evaluation),
    }


def _confused(confusion: Int[np.ndarray, "classes classes"]) -> dict[str, Any]:
    matrix = confusion.tolist() if len(confusion) <= MATRIX else None
    return {"confusion": matrix, "confusions": most_frequent(confusion)}


def _packing(job: Job, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How well rows of texts were filled, and what a step held on the mean."""
    batches: Any = job.batches
    rates = [rate for r in rows if (rate := r.get("tokens_per_second"))]
    held = [r["sequences"] for r in rows if r.get("sequences") is not None]
    return {
        "batching": job.config["batching"],
        "capacity": batches.capacity,
        "rows_per_step": job.batch_size,
        "sequences_per_step": float(np.mean(held)) if held else None,
        "padding_share": batches.padding_share,
        "packing_factor": batches.packing_factor,
        "tokens_per_second": rates[-1] if rates else None,
    }


def _known(folder: pathlib.Path, key: str) -> Any:
    """What an earlier results.json says, where one is."""
    try:
        return read_json(folder / "results.json").get(key)
    except (OSError, ValueError):
        return None


def _best(
    job: Job,
    evaluation: Evaluation | Segmentation | Language,
    rows: list[dict[str, Any]],
) -> dict[str, float]:
    """The highest figure of all evaluations, and when; the last counts as one."""
    name = f"test_{job.task.headline}"
    tested = [(r[name], r["epoch"]) for r in rows if r.get(name) is not None]
    last = (evaluation.figures()[job.task.headline], job.epochs)
    value, epoch = max(tested, default=last, key=lambda row: row[0])
    return {"epoch": epoch, job.task.headline: value}


def _of_classes(evaluation: Evaluation) -> dict[str, Any]:
    right = evaluation.predictions == evaluation.labels
    confusion = evaluation.confusion()
    examples = confusion.sum(1)
    found = confusion.diagonal() / np.where(examples, examples, np.nan)
    return {
        **_counts(right),
        "loss": _number(evaluation.loss),
        "class_accuracy": [_number(accuracy) for accuracy in found],
        "class_examples": examples.tolist(),
    }


def _of_masks(evaluation: Segmentation) -> dict[str, Any]:
    figures = {name: _number(value) for name, value in evaluation.figures().items()}
    return {
        "examples": evaluation.images,
        "pixels": int(evaluation.confusion.sum()),
        **figures,
        "mean_accuracy": _number(evaluation.mean_accuracy),
        "class_iou": [_number(iou) for iou in evaluation.class_iou],
        "class_accuracy": [_number(found) for found in evaluation.class_accuracy],
        "class_pixels": evaluation.confusion.sum(1).tolist(),
    }


def _of_texts(evaluation: Language) -> dict[str, Any]:
    loss = evaluation.loss
    return {
        "examples": evaluation.texts,
        "tokens": evaluation.told,
        "loss": _number(loss),
        "bits_per_token": _number(loss / math.log(2)),
        "accuracy": _number(evaluation.accuracy),
    }


def _number(value: float) -> float | None:
    """JSON knows no NaN: null for the loss of a diverged run, or an absent class."""
    return float(value) if np.isfinite(value) else None


def most_frequent(
    confusion: Int[np.ndarray, "classes classes"], most: int = CONFUSIONS
) -> list[list[int]]:
    """The most frequent mistakes: true class, predicted class, how often.

    Args:
        confusion: counts by true class (rows) and predicted class.
        most: how many to keep.

    Returns:
        The largest count first; none of a mistake that was never made.

    Example:
        >>> most_frequent(np.array([[9, 1, 0], [3, 7, 0], [0, 0, 5]]))
        [[1, 0, 3], [0, 1, 1]]
    """
    wrong = confusion - np.diag(confusion.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    cells = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [[int(t), int(s), int(wrong[t, s])] for t, s in cells if wrong[t, s]]


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
