"""Batches by number: for training a pure function of (seed, step)."""

import functools
from collections.abc import Sequence
from typing import NotRequired, TypedDict, get_args

import grain
import numpy as np
from jaxtyping import Bool, Int, UInt8, UInt32

from .crops import whole
from .examples import (
    PATIENCE,
    Crop,
    Example,
    Policy,
    RecordError,
    read_example,
    unreadable,
)
from .records import Dataset, check_one_of, digest
from .resize import decoder_name


class Batch(TypedDict):
    """Examples of one step; `real` is False where an example only fills the batch."""

    image: UInt8[np.ndarray, "batch h w c"]
    label: Int[np.ndarray, "*shape"]  # [batch], or [batch, h, w]
    real: Bool[np.ndarray, " batch"]
    id: UInt32[np.ndarray, "batch 2"]  # the epoch, and the record's number
    # Of the run, in training: an input of the step, so that the program is the same
    # for every seed.
    seed: NotRequired[UInt32[np.ndarray, " batch"]]


class TrainBatches:
    """The training batch of every step, by step: `batches[t]`.

    A batch is a pure function of the seed, the records and the step: there is no
    iterator whose state could be lost. Each epoch is a new permutation; what does not
    fill a batch is left to the next epoch's permutation. A crop draws from (seed,
    epoch, record's number), so it does not matter who reads the record.

    Args:
        dataset: where the examples come from.
        batch_size: examples a batch, over all hosts.
        seed: of the permutations and the crops.
        crop: from (image, mask, rng) to (pixels, mask).
        shard: (which, of how many) equal parts of each batch this host reads.
        on_error: "raise", or "skip" for the next record that can be read, of a
            hundred.

    Raises:
        ValueError: if there are fewer examples than fill one batch, or a batch does not
            split over the hosts.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        seed: int,
        *,
        crop: Crop = whole,
        shard: tuple[int, int] = (0, 1),
        on_error: Policy = "raise",
    ):
        check_source(dataset, "train", on_error)
        self._rows = rows_of(batch_size, shard)
        count = len(dataset.train)
        if batch_size > count:
            raise ValueError(
                f"config.batch_size={batch_size} is more than the {count} training "
                f"examples of {dataset.name}: use at most {count}."
            )
        self.dataset, self.seed, self.crop = dataset, seed, crop
        self.steps_per_epoch = count // batch_size
        self._on_error, self._batch_size = on_error, batch_size
        order = grain.MapDataset.range(count).shuffle(seed=seed)
        self._order = order.batch(batch_size, drop_remainder=True).repeat()

    def __getitem__(self, step: int) -> Batch:
        epoch = step // self.steps_per_epoch
        wanted = self.wanted(step)
        found = [self._read(int(index), epoch) for index in wanted]
        images, labels = stacked([example for _, example in found], self.dataset)
        ids = [(epoch, number) for number, _ in found]
        return {
            "image": images,
            "label": labels,
            "real": np.ones(len(found), bool),
            "id": np.asarray(ids, np.uint32),
            "seed": np.full(len(found), self.seed, np.uint32),
        }

    def fingerprint(self) -> str:
        """Of all that the batches depend on: a run goes on only where it is the same.

        The records, seed, batch size and crop; of files also what decodes them.
        """
        try:
            files = isinstance(self.dataset.train[0].image, bytes)
        except (OSError, ValueError):  # nothing else can be broken
            files = True
        crop = self.crop
        options = crop.keywords if isinstance(crop, functools.partial) else {}
        function = crop.func if isinstance(crop, functools.partial) else crop
        return digest(
            self.dataset.fingerprint(),
            f"{self.seed} {self.steps_per_epoch} {self._batch_size}",
            f"{getattr(function, '__qualname__', function)} {sorted(options.items())}",
            decoder_name() if files else "",
        )

    def wanted(self, step: int) -> Int[np.ndarray, " rows"]:
        """The numbers of the records that this host's part of a batch is made of."""
        return np.asarray(self._order[step])[self._rows]

    def _read(self, index: int, epoch: int) -> tuple[int, Example]:
        source, count = self.dataset.train, len(self.dataset.train)
        tries, first = min(count, PATIENCE), None
        for tried in range(tries):
            number = (index + tried) % count
            rng = np.random.default_rng((self.seed, epoch, number))
            try:
                return number, read_example(
                    self.dataset, source, number, self.crop, rng
                )
            except RecordError as error:
                if self._on_error == "raise":
                    raise
                first = first or error
        raise unreadable(f"{tries} records in a row", self.dataset, first) from first

    def skipped(self, step: int, batch: Batch) -> int:
        """How many records of a batch stand in for one that could not be read."""
        return int((self.wanted(step) != batch["id"][:, 1]).sum())

    def names(self, batch: Batch) -> list[str]:
        """The records of a batch, and their epoch."""
        return [self._name(int(epoch), int(n)) for epoch, n in batch["id"]]

    def _name(self, epoch: int, number: int) -> str:
        try:
            key = self.dataset.train[number].key
        except (OSError, ValueError):
            key = f"record {number}"
        return f"{key} (epoch {epoch})"


def check_source(dataset: Dataset, part: str, on_error: str) -> None:
    """Raises for records that cannot fill a batch, and for an unknown policy.

    Args:
        dataset: a data set.
        part: "train" or "test".
        on_error: "raise" or "skip".

    Raises:
        ValueError: if the part is empty, or the policy is neither.
    """
    check_one_of("on_error", on_error, get_args(Policy))
    if not len(getattr(dataset, part)):
        raise ValueError(f"{dataset.name} has no examples in its part {part!r}.")


def rows_of(batch_size: int, shard: tuple[int, int]) -> slice:
    """The rows of a batch that one host reads.

    Example:
        >>> rows_of(8, (1, 4))
        slice(2, 4, None)
    """
    which, count = shard
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: expected at least 1.")
    if batch_size % count:
        raise ValueError(
            f"batch_size={batch_size} does not split over {count} hosts: use a "
            f"multiple of {count}."
        )
    part = batch_size // count
    return slice(which * part, (which + 1) * part)


def stacked(
    examples: Sequence[Example], dataset: Dataset
) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of examples of one size."""
    sizes = sorted({pixels.shape for pixels, _ in examples})
    if len(sizes) > 1:
        raise ValueError(
            f"the images of {dataset.name} have several sizes, such as {sizes[0]} and "
            f"{sizes[-1]}, and no batch holds both: choose a crop of one size, such as "
            '"random_resized_crop(size=224)".'
        )
    images, labels = zip(*examples, strict=True)
    return np.stack(images), np.stack(labels)
