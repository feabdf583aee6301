"""What a run writes at its end belongs to the right records and classes."""

import dataclasses
import json
from typing import Any

import jax
import numpy as np
import pytest

from jaxpad.data import ArraySource, Dataset, EvalBatches, as_arrays
from jaxpad.train import build
from jaxpad.train.build import Job
from jaxpad.train.evaluate import Evaluation
from jaxpad.train.results import most_frequent, write_results
from jaxpad.train.segmentation import Segmentation
from jaxpad.train.tasks import TASKS

from .jobs import small_config


@pytest.fixture(scope="module")
def job() -> Job:
    # A module's fixtures come before a test's, which set this too.
    with jax.numpy_dtype_promotion("standard"):
        return build(small_config())


def evaluation_without(job: Job, number: int) -> Evaluation:
    """Random answers about all test records but one that could not be read."""
    numbers = np.delete(np.arange(len(job.dataset.test)), number)
    scores = np.random.default_rng(0).normal(size=(len(numbers), 10)) * 3
    sums = np.log(np.exp(scores).sum(-1, keepdims=True))
    labels = as_arrays(job.dataset.test)[1][numbers]
    return Evaluation((scores - sums).astype(np.float32), labels, numbers)


def read_npz(path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)


@pytest.mark.parametrize("name", ["examples.npz", "errors.npz"])
def test_images_are_those_of_their_numbers(job: Job, tmp_path, name: str):
    found = evaluation_without(job, 3)
    plain = dataclasses.replace(
        job, dataset=dataclasses.replace(job.dataset, zero_background=False)
    )
    write_results(tmp_path, plain, found, [])
    kept = read_npz(tmp_path / name)
    images, labels = as_arrays(job.dataset.test)
    np.testing.assert_array_equal(kept["image"], images[kept["index"]])
    np.testing.assert_array_equal(kept["label"], labels[kept["index"]])
    row = {int(number): row for row, number in enumerate(found.numbers)}
    rows = [row[int(number)] for number in kept["index"]]
    np.testing.assert_array_equal(kept["prediction"], found.predictions[rows])
    sure = np.exp(found.log_probabilities[rows]).max(-1)
    np.testing.assert_allclose(kept["probability"], sure)
    wrong = kept["prediction"] != kept["label"]
    if name == "errors.npz":
        assert len(wrong) == 64
        assert wrong.all()
        assert (np.diff(kept["probability"]) <= 0).all()
    else:
        assert len(wrong) == 12
        assert kept["index"][[0, -1]].tolist() == [0, len(images) - 1]


def test_figures_of_classes(job: Job, tmp_path):
    # Every image is called a 2, and no label is a 7.
    labels = np.delete(np.arange(10), 7).repeat(3)
    said = np.full((27, 10), np.log(0.01), np.float32)
    said[:, 2] = np.log(0.91)
    found = Evaluation(said, labels, np.arange(27))
    plain = dataclasses.replace(
        job, dataset=dataclasses.replace(job.dataset, zero_background=False)
    )
    write_results(tmp_path, plain, found, [])
    results = json.loads((tmp_path / "results.json").read_text(), parse_constant=fail)
    test = results["test"]
    assert test["class_accuracy"] == [0, 0, 1, 0, 0, 0, 0, None, 0, 0]
    assert test["class_examples"] == [3] * 7 + [0, 3, 3]
    assert results["trivial"] == {"accuracy": 1 / 9}
    assert np.sum(results["confusion"]) == 27
    assert results["confusions"] == [[k, 2, 3] for k in (0, 1, 3, 4, 5, 6, 8, 9)]


def fail(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def test_masks_are_kept_with_their_images(job: Job, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    labels = rng.integers(0, 3, (5, 4, 6)).astype(np.uint8)
    labels[:, 0] = 255
    data = Dataset(
        name="masks",
        classes=("a", "b", "c", "d"),
        train=ArraySource("train", images, labels),
        test=ArraySource("test", images, labels),
        task="segmentation",
        note="",
    )
    masks = dataclasses.replace(
        job,
        dataset=data,
        task=TASKS["segmentation"],
        test_batches=EvalBatches(data, 2),
    )
    confusion = np.array([[9, 1, 0, 0], [2, 8, 0, 0], [0, 0, 5, 5], [0, 0, 0, 0]])
    # Predictions are as large as the canvas that their images were put on.
    said = {number: np.full((8, 8), number % 4, np.uint8) for number in (4, 1)}
    found = Segmentation(confusion, float("nan"), 5, said)
    write_results(tmp_path, masks, found, [])
    results = json.loads((tmp_path / "results.json").read_text(), parse_constant=fail)
    assert results["test"]["loss"] is None
    assert results["test"]["class_iou"] == [9 / 12, 8 / 11, 0.5, None]
    assert results["test"]["class_pixels"] == [10, 10, 10, 0]
    assert results["confusion"] == confusion.tolist()
    assert results["confusions"] == [[2, 3, 5], [1, 0, 2], [0, 1, 1]]
    assert not (tmp_path / "errors.npz").exists()
    kept = read_npz(tmp_path / "examples.npz")
    assert kept["index"].tolist() == [1, 4]
    for row, number in enumerate([1, 4]):
        np.testing.assert_array_equal(kept[f"image_{row}"], images[number])
        np.testing.assert_array_equal(kept[f"label_{row}"], labels[number])
        expected = np.full((4, 6), number % 4)
        np.testing.assert_array_equal(kept[f"prediction_{row}"], expected)


@pytest.mark.parametrize(("classes", "there"), [(40, True), (41, False)])
def test_no_large_matrix_is_kept(job: Job, tmp_path, classes: int, there: bool):
    data = dataclasses.replace(
        job.dataset, classes=tuple(map(str, range(classes))), zero_background=False
    )
    scores = np.full((classes, classes), -5, np.float32)
    labels = np.arange(classes)
    found = Evaluation(scores, labels, np.arange(classes))
    results = write_results(tmp_path, dataclasses.replace(job, dataset=data), found, [])
    assert (results["confusion"] is not None) == there
    assert len(results["confusions"]) == classes - 1


def test_only_the_most_frequent_mistakes_are_kept():
    counts = np.random.default_rng(0).integers(1, 99, (30, 30))
    found = most_frequent(counts, most=100)
    wrong = sorted(counts[~np.eye(30, dtype=bool)].tolist(), reverse=True)
    assert [times for _, _, times in found] == wrong[:100]
    assert all(counts[true, said] == times for true, said, times in found)
