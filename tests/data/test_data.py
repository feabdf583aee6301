"""Data: a fixed stratified split, batches as functions of the step."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxpad.data import DATASETS, TrainBatches, as_arrays


DIGITS = DATASETS["digits"]()
TRAIN, TEST = as_arrays(DIGITS.train), as_arrays(DIGITS.test)


def test_split_is_stratified_and_disjoint():
    train, test = TRAIN[1], TEST[1]
    assert (len(train), len(test)) == (1442, 355)
    for digit in range(10):
        whole = (train == digit).sum() + (test == digit).sum()
        assert (test == digit).sum() == whole // 5
    images = np.concatenate([TRAIN[0], TEST[0]])
    bunch: Any = load_digits()
    reference = bunch.images
    assert len(images) == len(reference)
    assert sorted(map(bytes, images)) == sorted(
        bytes(np.round(image * 255 / 16).astype(np.uint8)) for image in reference
    )


def test_batch_is_a_function_of_seed_and_step():
    one, two = TrainBatches(DIGITS, 64, seed=3), TrainBatches(DIGITS, 64, seed=3)
    late = two[500]  # no earlier step was asked for
    for step in (0, 499):
        one[step]
    np.testing.assert_array_equal(one[500]["image"], late["image"])
    other = TrainBatches(DIGITS, 64, seed=4)
    assert np.any(one[0]["label"] != other[0]["label"])


def test_epoch_uses_no_example_twice_and_epochs_differ():
    batches = TrainBatches(DIGITS, 70, seed=0)
    steps = batches.steps_per_epoch
    assert steps == 1442 // 70
    order = batches._order
    first = np.concatenate([np.asarray(order[t]) for t in range(steps)])
    second = np.concatenate([np.asarray(order[t]) for t in range(steps, 2 * steps)])
    assert len(np.unique(first)) == len(first) == steps * 70
    assert len(np.unique(second)) == len(second)
    assert np.any(first != second)


def test_batch_larger_than_the_set_is_refused():
    with pytest.raises(ValueError, match="use at most 1442"):
        TrainBatches(DIGITS, 1443, seed=0)
