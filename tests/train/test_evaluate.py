"""Evaluation counts each example once, for every size of set, batch and mesh."""

import dataclasses

import jax
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from jaxpad.data import DATASETS, ArraySource, Dataset, EvalBatches, as_arrays
from jaxpad.sharding import batch_split, data_mesh
from jaxpad.train.evaluate import Evaluation, evaluate, wilson_interval


def first(n: int) -> Dataset:
    whole = DATASETS["digits"]()
    images, labels = as_arrays(whole.test)
    return dataclasses.replace(whole, test=ArraySource("test", images[:n], labels[:n]))


def scores(batch):
    """A stand-in for a model: log-probabilities that depend on each image alone."""
    pixels = batch["image"].reshape(len(batch["image"]), -1).astype(np.float32) / 255
    return jax.nn.log_softmax(pixels[:, 20:30])


@pytest.mark.parametrize("n", [1, 7, 8, 9, 355])
@pytest.mark.parametrize("size", [8, 16, 400])
def test_every_example_counts_once(n: int, size: int):
    data, mesh = first(n), data_mesh()
    step = jax.jit(scores, in_shardings=batch_split(mesh))
    found = evaluate(step, EvalBatches(data, size))
    images, labels = as_arrays(data.test)
    reference = np.asarray(scores({"image": images}))
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.log_probabilities, reference, rtol=1e-5)
    right = reference.argmax(-1) == labels
    assert found.correct == right.sum()
    assert found.accuracy == right.mean()
    chosen = reference[np.arange(n), labels]
    np.testing.assert_allclose(found.loss, -chosen.mean(), rtol=1e-5)
    assert found.confusion().sum() == n
    assert np.trace(found.confusion()) == found.correct


def test_confusion_has_true_classes_in_rows():
    said = np.log(np.asarray([[0.1, 0.9], [0.2, 0.8]], np.float32))
    found = Evaluation(said, np.asarray([0, 1]), np.arange(2)).confusion()
    np.testing.assert_array_equal(found, [[0, 1], [0, 1]])


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_equals_scipy(counts: tuple[int, int]):
    correct, n = counts
    expected = stats.binomtest(correct, n).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(wilson_interval(correct, n), expected, atol=1e-12)
