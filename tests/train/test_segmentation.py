"""Segmentation: counts and loss equal references, whatever is ignored, anywhere."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.metrics import confusion_matrix, jaccard_score

from jaxpad.sharding import batch_split, data_mesh
from jaxpad.train.evaluate import evaluate_masks
from jaxpad.train.segmentation import (
    Segmentation,
    confusion,
    cross_entropy,
    cross_entropy_sum,
)


CLASSES = 5


def sample(seed: int = 0, n: int = 8, size: tuple[int, int] = (5, 7)) -> Any:
    """Predictions, labels of which some are ignored and one class never comes, real."""
    rng = np.random.default_rng(seed)
    said = rng.integers(0, CLASSES, (n, *size), dtype=np.int32)
    true = rng.choice([0, 1, 2, 4, 255], (n, *size)).astype(np.int32)
    return jnp.asarray(said), true, rng.random(n) < 0.7


def by_sklearn(said: Any, true: Any, real: Any) -> np.ndarray:
    said, true = np.asarray(said)[real].ravel(), np.asarray(true)[real].ravel()
    counted = true != 255
    return confusion_matrix(
        true[counted], said[counted], labels=np.arange(CLASSES)
    ).astype(np.int64)


def counts(said: Any, true: Any, real: Any) -> Any:
    return confusion(said, true, real, classes=CLASSES)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
def test_confusion_equals_sklearn(dtype: Any):
    said, true, real = sample()
    found = jax.jit(counts)(said, true.astype(dtype), real)
    np.testing.assert_array_equal(found, by_sklearn(said, true, real))
    assert found.dtype == jnp.int32


def test_figures_equal_sklearn_and_leave_out_the_class_that_is_not_there():
    said, true, real = sample()
    found = Segmentation(np.asarray(counts(said, true, real), np.int64))
    counted = (true != 255) & real[:, None, None]
    x, y = true[counted], np.asarray(said)[counted]
    there = [0, 1, 2, 4]
    average: Any = None  # one score a class
    iou = jaccard_score(x, y, labels=there, average=average)
    np.testing.assert_allclose(found.class_iou[there], iou)
    assert np.isnan(found.class_iou[3])
    assert np.any(y == 3)  # predicted, and yet there is no such class
    np.testing.assert_allclose(found.mean_iou, np.mean(iou))
    np.testing.assert_allclose(found.pixel_accuracy, np.mean(x == y))
    per_class = [np.mean(y[x == label] == label) for label in there]
    np.testing.assert_allclose(found.class_accuracy[there], per_class)
    np.testing.assert_allclose(found.mean_accuracy, np.mean(per_class))


def test_figures_of_a_known_matrix():
    """Rows are the truth: of 4 pixels of class 0 three are found, one more is not."""
    found = Segmentation(np.asarray([[3, 1], [2, 4]]))
    np.testing.assert_allclose(found.class_iou, [3 / 6, 4 / 7])
    np.testing.assert_allclose(found.class_accuracy, [3 / 4, 4 / 6])
    assert found.pixel_accuracy == 0.7


def test_nothing_to_count_is_no_figure_and_no_warning():
    found = Segmentation(np.zeros((3, 3), np.int64))
    for figure in (found.mean_iou, found.mean_accuracy, found.pixel_accuracy):
        assert np.isnan(figure)


def test_eight_devices_count_what_one_counts():
    split = batch_split(data_mesh())
    given = sample()
    compiled = jax.jit(counts, in_shardings=split).lower(*given).compile()
    found = compiled(*jax.device_put(given, split))
    np.testing.assert_array_equal(found, jax.jit(counts)(*given))
    np.testing.assert_array_equal(found, by_sklearn(*given))
    # Only counts travel, not masks.
    program = str(compiled.as_text())
    assert "all-gather" not in program
    assert "all-reduce" in program


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 2, 4, 8]))
def test_sum_over_batches_does_not_depend_on_their_size(seed: int, size: int):
    said, true, real = sample(seed)
    batches: list[Any] = [
        {
            "image": np.asarray(said[at : at + size]),
            "label": true[at : at + size],
            "real": real[at : at + size],
            "id": np.asarray([[0, at + n] for n in range(size)], np.uint32),
        }
        for at in range(0, 8, size)
    ]

    def step(batch):
        guesses = jnp.asarray(batch["image"])
        confusion = counts(guesses, batch["label"], batch["real"])
        part = {"loss": 0.5 * confusion.sum(), "count": confusion.sum()}
        return {"confusion": confusion, "prediction": guesses, **part}

    found = evaluate_masks(step, batches, shown={0, 5})
    assert found.loss == 0.5
    assert found.images == real.sum()
    assert set(found.examples) == {n for n in (0, 5) if real[n]}
    for number, mask in found.examples.items():
        np.testing.assert_array_equal(mask, said[number])
    np.testing.assert_array_equal(found.confusion, by_sklearn(said, true, real))
    assert found.confusion.dtype == np.int64


def test_totals_do_not_overflow():
    batch: Any = {
        "label": np.zeros((1, 1, 1), np.int32),
        "real": np.ones(1, bool),
        "id": np.zeros((1, 2), np.uint32),
    }
    much = np.full((2, 2), 2**31 - 1, np.int32)
    said = {"confusion": much, "loss": 0.0, "count": 0}
    found = evaluate_masks(lambda batch: said, [batch] * 3)
    assert found.confusion.max() == 3 * (2**31 - 1)
    assert found.pixel_accuracy == 0.5


def test_more_classes_than_labels_are_refused():
    with pytest.raises(ValueError, match="classes=256: expected 1 to 255"):
        confusion(
            jnp.zeros((1, 1, 1), int),
            jnp.zeros((1, 1, 1), int),
            jnp.ones(1, bool),
            classes=256,
        )


def test_loss_equals_numpy_over_the_pixels_that_count():
    _, true, real = sample()
    logits = np.random.default_rng(1).normal(size=(*true.shape, CLASSES)) * 4
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    at = np.nonzero(true != 255)
    expected = -np.log(p[*at, true[at]])
    found = cross_entropy(jnp.asarray(logits, jnp.float32), true)
    np.testing.assert_allclose(found, expected.mean(), rtol=1e-5)
    total, count = cross_entropy_sum(jnp.asarray(logits, jnp.float32), true, real)
    np.testing.assert_allclose(total, expected[real[at[0]]].sum(), rtol=1e-5)
    assert count == real[at[0]].sum()


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_ignored_pixels_have_no_gradient_and_an_all_ignored_batch_none_at_all(
    dtype: Any,
):
    _, true, _ = sample()
    logits = jnp.asarray(np.random.default_rng(1).normal(size=(*true.shape, 5)), dtype)
    gradient: Any = jax.jit(jax.value_and_grad(cross_entropy))
    _, slopes = gradient(logits, true)
    assert jnp.all((jnp.abs(slopes).sum(-1) == 0) == (true == 255))
    chex.assert_tree_all_finite(slopes)
    loss, slopes = gradient(logits, np.full_like(true, 255))
    assert loss.dtype == jnp.float32
    assert float(loss) == 0
    assert jnp.all(slopes == 0)
    # Infinite scores where nothing counts do not spoil the rest.
    wild = gradient(logits.at[true == 255].set(jnp.inf), true)
    chex.assert_tree_all_finite(wild)
