"""Batches: for training a pure function of (seed, step), for testing each one once."""

from collections.abc import Iterator
from typing import TypedDict

import grain
import numpy as np
from jaxtyping import Bool, Int, UInt8

from .sources import Dataset


class Batch(TypedDict):
    """Examples of one step; `real` is False where an example only fills the batch."""

    image: UInt8[np.ndarray, "batch h w c"]
    label: Int[np.ndarray, " batch"]
    real: Bool[np.ndarray, " batch"]


class TrainBatches:
    """The training batch of every step, by step: `batches[t]`.

    Each epoch is a new permutation; what does not fill a batch is left to the next
    epoch's permutation. There is no iterator whose state could be lost.

    Args:
        dataset: where the examples come from.
        batch_size: examples a batch.
        seed: of the permutations.

    Raises:
        ValueError: if there are fewer examples than fill one batch.
    """

    def __init__(self, dataset: Dataset, batch_size: int, seed: int):
        count = len(dataset.train_labels)
        if batch_size > count:
            raise ValueError(
                f"config.batch_size={batch_size} is more than the {count} training "
                f"examples of {dataset.name}: use at most {count}."
            )
        self.dataset = dataset
        self.steps_per_epoch = count // batch_size
        order = grain.MapDataset.range(count).shuffle(seed=seed)
        self._order = order.batch(batch_size, drop_remainder=True).repeat()

    def __getitem__(self, step: int) -> Batch:
        index = np.asarray(self._order[step])
        return {
            "image": self.dataset.train_images[index],
            "label": self.dataset.train_labels[index],
            "real": np.ones(len(index), bool),
        }


def eval_batches(dataset: Dataset, batch_size: int) -> Iterator[Batch]:
    """Every test example once, in order; the last batch is filled up and masked.

    Example:
        >>> from jaxpad.data import DATASETS
        >>> sum(int(b["real"].sum()) for b in eval_batches(DATASETS["digits"](), 100))
        355
    """
    count = len(dataset.test_labels)
    for start in range(0, count, batch_size):
        index = np.arange(start, start + batch_size)
        inside = np.minimum(index, count - 1)
        yield {
            "image": dataset.test_images[inside],
            "label": dataset.test_labels[inside],
            "real": index < count,
        }
