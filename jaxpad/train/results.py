"""What a finished run found: results.json and pictures, for reports to read."""

import json
import pathlib
from typing import Any

import jax
import numpy as np

from ..analysis import border_share
from ..data import Dataset, as_arrays, read_example
from .build import Job
from .evaluate import Evaluation, wilson_interval
from .segmentation import Segmentation
from .workdir import write_whole


ERRORS_KEPT = 64


def write_results(
    folder: pathlib.Path,
    job: Job,
    evaluation: Evaluation | Segmentation,
    rows: list[dict[str, Any]],
) -> dict[str, Any]:
    """Writes `results.json`, and `errors.npz` or `examples.npz`.

    Args:
        folder: the run's folder.
        job: the job that ran.
        evaluation: of the test examples after the last step.
        rows: of metrics.jsonl.

    Returns:
        What stands in results.json.
    """
    masks = isinstance(evaluation, Segmentation)
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
        "headline": job.task.headline,
        "test": _of_masks(evaluation) if masks else _of_classes(evaluation),
        "trivial": evaluation.trivial(),
        "best": _best(job, evaluation, rows),
    }
    if not masks:
        results["confusion"] = evaluation.confusion().tolist()
        results["border"] = border_groups(job.dataset, evaluation)
    write_whole(folder / "results.json", json.dumps(results, indent=2) + "\n")
    name, arrays = (
        ("examples.npz", _examples(job, evaluation))
        if masks
        else ("errors.npz", _errors(job, evaluation))
    )
    np.savez_compressed(folder / name, **arrays)  # pyright: ignore[reportArgumentType]
    return results


def train_seconds(rows: list[dict[str, Any]]) -> float:
    """Spent on steps so far, over all the times that the run was started."""
    return next((r["train_seconds"] for r in rows[::-1] if "train_seconds" in r), 0.0)


def _best(
    job: Job, evaluation: Evaluation | Segmentation, rows: list[dict[str, Any]]
) -> dict[str, float]:
    """The highest figure of all evaluations, and when; the last counts as one."""
    name = f"test_{job.task.headline}"
    tested = [(r[name], r["epoch"]) for r in rows if r.get(name) is not None]
    last = (evaluation.figures()[job.task.headline], job.epochs)
    value, epoch = max(tested, default=last, key=lambda row: row[0])
    return {"epoch": epoch, job.task.headline: value}


def _of_classes(evaluation: Evaluation) -> dict[str, Any]:
    right = evaluation.predictions == evaluation.labels
    return {**_counts(right), "loss": evaluation.loss}


def _of_masks(evaluation: Segmentation) -> dict[str, Any]:
    return {
        "examples": evaluation.images,
        "pixels": int(evaluation.confusion.sum()),
        **evaluation.figures(),
        "mean_accuracy": evaluation.mean_accuracy,
        # JSON knows no NaN: null where a class has no pixel in the test set.
        "class_iou": _numbers(evaluation.class_iou),
        "class_accuracy": _numbers(evaluation.class_accuracy),
        "class_pixels": evaluation.confusion.sum(1).tolist(),
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


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


def _errors(job: Job, evaluation: Evaluation) -> dict[str, np.ndarray]:
    """The most confident mistakes, with their images."""
    probability = np.exp(evaluation.log_probabilities.max(-1))
    wrong = np.flatnonzero(evaluation.predictions != evaluation.labels)
    worst = wrong[np.argsort(-probability[wrong], kind="stable")][:ERRORS_KEPT]
    empty = np.zeros((0, 1, 1, 1), np.uint8)
    images = [_example(job, int(number))[0] for number in worst]
    return {
        "index": worst,
        "image": np.stack(images) if images else empty,
        "label": evaluation.labels[worst],
        "prediction": evaluation.predictions[worst],
        "probability": probability[worst],
    }


def _examples(job: Job, evaluation: Segmentation) -> dict[str, np.ndarray]:
    """Images, true masks and predictions, under "image_0", "label_0" and so on."""
    found = {}
    for row, (number, predicted) in enumerate(sorted(evaluation.examples.items())):
        image, label = _example(job, number)
        height, width = image.shape[:2]
        found[f"image_{row}"], found[f"label_{row}"] = image, label
        found[f"prediction_{row}"] = predicted[:height, :width]
    return found


def _example(job: Job, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A test example as the model saw it."""
    data, rng = job.dataset, np.random.default_rng((0, 0, number))
    return read_example(data, data.test, number, job.test_batches.crop, rng)
