"""What a run keeps of its test images, for reports to show."""

import json
import pathlib
from typing import Any

import numpy as np
from jaxtyping import Int

from ..data import read_example
from ..data.crops import on_canvas
from .build import Job
from .evaluate import Evaluation
from .segmentation import Segmentation
from .texts import Language
from .workdir import write_whole


ERRORS = 64
EXAMPLES = 12


def write_pictures(
    folder: pathlib.Path, job: Job, evaluation: Evaluation | Segmentation | Language
) -> None:
    """Writes `examples.npz` and, for classes, `errors.npz`; of texts `examples.json`.

    Args:
        folder: the run's folder.
        job: the job that ran.
        evaluation: of the test examples after the last step.
    """
    if isinstance(evaluation, Language):
        write_whole(folder / "examples.json", json.dumps(_texts(job, evaluation)))
        return
    if isinstance(evaluation, Segmentation):
        _write(folder / "examples.npz", _masks(job, evaluation))
        return
    count = len(evaluation.labels)
    spread = np.linspace(0, count - 1, min(EXAMPLES, count)).round().astype(int)
    _write(folder / "examples.npz", _answers(job, evaluation, spread))
    _write(folder / "errors.npz", _answers(job, evaluation, _errors(evaluation)))


def _write(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez_compressed(path, **arrays)  # pyright: ignore[reportArgumentType]


def _errors(evaluation: Evaluation) -> Int[np.ndarray, " chosen"]:
    """The most confident mistakes."""
    sure = evaluation.log_probabilities.max(-1)
    wrong = np.flatnonzero(evaluation.predictions != evaluation.labels)
    return wrong[np.argsort(-sure[wrong], kind="stable")][:ERRORS]


def _answers(
    job: Job, evaluation: Evaluation, chosen: Int[np.ndarray, " chosen"]
) -> dict[str, np.ndarray]:
    """Images with their classes, what was said, and how sure the model was."""
    numbers = evaluation.numbers[chosen].astype(int)
    images = [_example(job, int(number))[0] for number in numbers]
    return {
        "index": numbers,
        "image": _stacked(images),
        "label": evaluation.labels[chosen],
        "prediction": evaluation.predictions[chosen],
        "probability": np.exp(evaluation.log_probabilities.max(-1)[chosen]),
    }


def _stacked(images: list[np.ndarray]) -> np.ndarray:
    """Whole images may have several sizes: the smaller ones are extended with grey."""
    if not images:
        return np.zeros((0, 1, 1, 1), np.uint8)
    height, width = np.max([image.shape[:2] for image in images], axis=0).tolist()
    return np.stack([on_canvas(image, None, (height, width))[0] for image in images])


def _masks(job: Job, evaluation: Segmentation) -> dict[str, np.ndarray]:
    """Images, true masks and predictions: "image_0", "label_0", "prediction_0", ..."""
    found = {"index": np.asarray(sorted(evaluation.examples), int)}
    for row, number in enumerate(found["index"]):
        image, label = _example(job, int(number))
        height, width = image.shape[:2]
        found[f"image_{row}"], found[f"label_{row}"] = image, label.astype(np.uint8)
        predicted = evaluation.examples[int(number)]
        found[f"prediction_{row}"] = predicted[:height, :width]
    return found


def _texts(job: Job, evaluation: Language) -> list[dict[str, Any]]:
    """Each text with its true tokens, those that were said, and which were asked."""
    names, data = job.dataset.classes, job.dataset
    return [
        {
            "key": data.test[number].key,
            "tokens": [names[token] for token in answer.tokens],
            "said": [names[token] for token in answer.said],
            "told": answer.told.tolist(),
        }
        for number, answer in sorted(evaluation.examples.items())
    ]


def _example(job: Job, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A test example as the model saw it."""
    data: Any = job.dataset
    rng = np.random.default_rng((0, 0, number))
    crop = job.test_batches.crop
    return read_example(data, data.test, number, crop, rng)
