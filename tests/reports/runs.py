"""The content of a small folder that looks like a run's."""

import json
from typing import Any

import numpy as np


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


RESULTS = {
    "padding": "partial",
    "model": {"name": "two_layers", "parameters": 77850},
    "device": "cpu x1",
    "steps": 1234,
    "epochs": 4,
    "seed": 7,
    "train_seconds": 60.2,
}


def make_results(**changes: Any) -> dict[str, Any]:
    """What results.json holds; a change replaces a whole top-level key."""
    results = RESULTS | {
        "dataset": make_dataset(CLASSES),
        "headline": "accuracy",
        "test": {
            "examples": 30,
            "correct": 26,
            "accuracy": 26 / 30,
            "interval": [0.7032, 0.9469],
            "loss": 0.4321,
            "class_accuracy": [0.9, 1.0, 0.7],
            "class_examples": [10, 10, 10],
        },
        "trivial": {"accuracy": 1 / 3},
        "best": {"epoch": 3.0, "accuracy": 0.9123},
        "confusion": CONFUSION,
        "confusions": [[2, 1, 3], [0, 1, 1]],
        "border": BORDER,
    }
    return results | changes


def make_mask_results(**changes: Any) -> dict[str, Any]:
    """The same of a segmentation, with a class that has no pixel."""
    results = RESULTS | {
        "dataset": make_dataset(["background", "cat", "dog"], "segmentation"),
        "headline": "miou",
        "test": {
            "examples": 9,
            "pixels": 100_000,
            "loss": 0.4321,
            "miou": 0.7,
            "accuracy": 0.92,
            "mean_accuracy": 0.76,
            "class_iou": [0.9, 0.5, None],
            "class_accuracy": [0.96, 0.56, None],
            "class_pixels": [90_000, 10_000, 0],
        },
        "trivial": {"miou": 0.45, "accuracy": 0.9},
        "best": {"epoch": 3.0, "miou": 0.7123},
        "confusion": [[86_400, 3_599, 1], [4_400, 5_600, 0], [0, 0, 0]],
        "confusions": [[1, 0, 4_400], [0, 1, 3_599], [0, 2, 1]],
    }
    return results | changes


def make_dataset(classes: list[str], task: str = "classification") -> dict[str, Any]:
    """What results.json says of the data."""
    note = "Paper lies outside."
    return {"name": "tiny", "task": task, "classes": classes, "note": note}


def many_classes(count: int) -> dict[str, Any]:
    """The keys of results.json that grow with the number of classes."""
    test = make_results()["test"]
    test |= {"class_accuracy": [0.5] * count, "class_examples": [2] * count}
    matrix = (np.eye(count, dtype=int) + np.eye(count, k=1, dtype=int)).tolist()
    return {
        "dataset": make_dataset([f"c{number}" for number in range(count)]),
        "test": test,
        "confusion": matrix if count <= 40 else None,
        "confusions": [[true, true + 1, 1] for true in range(min(count - 1, 100))],
    }


def make_lines(steps: int, every: int) -> list[str]:
    """A log of that many steps, with an evaluation after each `every` of them."""
    lines = []
    for step in range(1, steps + 1):
        epoch, loss = step / max(every, 1), 2.0 / step
        train = {"loss": loss, "accuracy": 1 - loss / 2, "learning_rate": 0.1}
        train |= {
            "grad_norm": 1.5,
            "images_per_second": 900.0,
            "data_wait": 0.02,
            "train_seconds": 0.1 * step,
        }
        lines.append(json.dumps({"step": step, "epoch": epoch} | train))
        if every and step % every == 0:
            test = {"test_loss": loss + 0.1, "test_accuracy": 0.9 - loss / 4}
            test["test_miou"] = 0.8 - loss / 4
            lines.append(json.dumps({"step": step, "epoch": epoch} | test))
    return lines


def make_answers(count: int, channels: int = 1) -> dict[str, Any]:
    """Images that the model takes for a 1, of which every second is an 8."""
    rng = np.random.default_rng(0)
    return {
        "image": rng.integers(0, 256, (count, 5, 4, channels), dtype=np.uint8),
        "label": np.where(np.arange(count) % 2, 1, 2),
        "prediction": np.full(count, 1),
        "probability": np.linspace(0.97, 0.4, count, dtype=np.float32),
        "index": 211 + np.arange(count),
    }


def make_masks(count: int) -> dict[str, Any]:
    """Images of 6 x 8 pixels: 8 do not count, 4 of the other 40 are wrong."""
    rng, label = np.random.default_rng(0), np.zeros((6, 8), np.uint8)
    label[2:], label[5] = 1, 255
    prediction = np.where(label == 255, 2, label).astype(np.uint8)
    prediction[0, :4] = 1
    masks: dict[str, Any] = {"index": 30 * np.arange(count)}
    for row in range(count):
        masks[f"image_{row}"] = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        masks[f"label_{row}"], masks[f"prediction_{row}"] = label, prediction
    return masks
