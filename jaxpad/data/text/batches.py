"""Batches of texts by number: for training a pure function of (seed, step)."""

import copy
import functools
from collections.abc import Callable
from typing import Any, Literal, NotRequired, TypedDict, cast

import grain
import numpy as np
from jaxtyping import Bool, Int, UInt32

from ...batching.cut import pieces_of
from ...conv.arguments import whole
from ..batches import rows_of
from ..packed import PackedDataset, pack_examples
from ..records import digest
from .records import TextDataset, checked
from .strategies import BATCHINGS, Batching


# What a batch has of each cell.
CELLS = ("tokens", "segment_ids", "positions", "text", "place")


class TextBatch(TypedDict):
    """Rows of texts of one step; `real` is False where a row only fills the batch."""

    tokens: Int[np.ndarray, "rows capacity"]
    segment_ids: Int[np.ndarray, "rows capacity"]  # of a row from 1; 0 is empty
    positions: Int[np.ndarray, "rows capacity"]
    text: Int[np.ndarray, "rows capacity"]  # its number in the data set
    place: Int[np.ndarray, "rows capacity"]  # in the text, also of one that is split
    real: Bool[np.ndarray, " rows"]
    id: UInt32[np.ndarray, "rows 2"]  # the epoch, and the row's number in it
    seed: NotRequired[UInt32[np.ndarray, " rows"]]


class TextBatches:
    """Batches of texts by number: `batches[t]`, as many as an epoch has, then another.

    A pure function of the seed, the texts and the number, as `TrainBatches` of images.
    An epoch has every text once, in other batches than the last; what does not fill its
    last batch is empty rows.

    Args:
        dataset: where the texts come from.
        part: "train" or "test".
        rows: of a batch, over all hosts.
        batching: a name in `BATCHINGS`, or such a function.
        capacity: cells of a row at most; longer texts are split.
        shard: (which, of how many) equal parts of each batch this host reads.
        seed: of the order of rows; None for the packer's order in every epoch.

    Attributes:
        steps_per_epoch: batches of an epoch; `len` too.
        capacity: cells that a row has at most.
        padding_share: the part of cells that is empty, of rows that hold a text: not of
            those that only fill the last batch.
        pieces: of the texts of an epoch; of one that is not split there is one.
        split: how many texts are longer than a row may be, and so several pieces.
        empty: how many texts have no token, and so no piece.
        cells: of a batch at most, over all hosts.
        tokens_per_step: those of them that hold one, the mean over an epoch.
        texts_per_row: the mean; a piece of a text that is split counts as one.
        packing_factor: cells that one text a row would take, rows being of the
            capacity, for each that is taken.

    Raises:
        ValueError: for a number that is too small, tokens that are none, or what the
            batching refuses.

    Example:
        >>> from jaxpad.data import DATASETS
        >>> texts = DATASETS["stdlib_text"]()
        >>> batches = TextBatches(
        ...     texts, "train", 8, batching="packed", capacity=512, seed=0
        ... )
        >>> batches[0]["tokens"].shape, batches.padding_share < 0.02
        ((8, 512), True)
    """

    def __init__(
        self,
        dataset: TextDataset,
        part: Literal["train", "test"],
        rows: int,
        *,
        batching: str | Callable[..., Batching],
        capacity: int,
        shard: tuple[int, int] = (0, 1),
        seed: int | None = None,
    ):
        self.dataset, self.seed, self._shard = dataset, seed, shard
        self._texts = getattr(dataset, part)
        self.strategy = batching_of(batching, self._texts.lengths, capacity)
        self.capacity = self.strategy.sizes[-1]
        packed = _packed(dataset, part, self.strategy, rows, shard, seed)
        self._settle(rows, packed)

    def _settle(self, rows: int, packed: PackedDataset) -> None:
        """What depends on the number of rows."""
        self._rows, self._packed, self.cells = rows, packed, rows * self.capacity
        self.pieces = len(packed.pieces.length)
        self.split, self.empty = (packed.pieces.counts[n] for n in ("split", "empty"))
        cells = packed.pieces.length.sum() / packed.efficiency
        self.padding_share = 1 - packed.efficiency
        self.texts_per_row = self.pieces / packed.rows
        self.packing_factor = float(self.pieces * self.capacity / cells)
        self.steps_per_epoch = packed.steps_per_epoch
        self.tokens_per_step = float(packed.pieces.length.sum() / self.steps_per_epoch)

    def __len__(self) -> int:
        return self.steps_per_epoch

    def __getitem__(self, number: int) -> TextBatch:
        epoch, step = divmod(number, self.steps_per_epoch)
        rows: Any = self._packed[number]
        return self._labelled(rows, rows["segment_ids"].any(1), epoch, step)

    def _labelled(
        self, rows: Any, real: np.ndarray, epoch: int, step: int
    ) -> TextBatch:
        first = step * self._rows + rows_of(self._rows, self._shard).start
        order = first + np.arange(len(real))
        ids = np.stack([np.full(len(real), epoch), order], 1).astype(np.uint32)
        batch = {**rows, "real": real, "id": ids}
        if self.seed is not None:
            batch["seed"] = np.full(len(real), self.seed, np.uint32)
        return cast(TextBatch, batch)

    @property
    def fullest(self) -> int:
        """Tokens of the fullest batch of the first epoch; without a seed, of any."""
        return self._packed.fullest

    def rebatched(self, rows: int) -> "TextBatches":
        """The same rows, so many of them in a batch, without planning again."""
        other = copy.copy(self)
        other._settle(rows, self._packed.rebatched(rows))
        return other

    def largest(self) -> TextBatch:
        """A batch of nothing, for the shapes of one with rows of the largest size."""
        rows = rows_of(self._rows, self._shard)
        # One number, seen as many: of a size that is a mistake this takes no memory.
        empty = np.broadcast_to(np.int32(0), (rows.stop - rows.start, self.capacity))
        return self._labelled(dict.fromkeys(CELLS, empty), empty[:, 0] > 0, 0, 0)

    def fingerprint(self) -> str:
        """Of all that the batches depend on: a run goes on where it is the same."""
        return digest(self.dataset.fingerprint(), self._packed.fingerprint())

    def skipped(self, step: int, batch: TextBatch) -> int:
        """How many texts could not be read: they lie in memory, so none."""
        return 0

    def names(self, batch: TextBatch) -> list[str]:
        """The texts of a batch, and their epoch."""
        numbers = np.unique(batch["text"][batch["segment_ids"] > 0])
        epoch = int(batch["id"][0, 0])
        return [f"{self._texts[int(n)].key} (epoch {epoch})" for n in numbers]


def batching_of(
    batching: str | Callable[..., Batching], lengths: np.ndarray, capacity: int
) -> Batching:
    """What a batching makes of texts that are split at the capacity.

    Raises:
        ValueError: for an unknown name, or sizes above the capacity.
        TypeError: for something else than a `Batching`.
    """
    capacity = whole("capacity", capacity)
    pieces = pieces_of(lengths, capacity, "split").length
    found = BATCHINGS.resolve(batching)(pieces, capacity)
    if not isinstance(found, Batching):
        raise TypeError(
            f"it gives {found!r}: expected jaxpad.data.Batching, as "
            f"Batching(({capacity},))."
        )
    if max(found.sizes, default=0) > capacity:
        raise ValueError(
            f"it gives rows of {max(found.sizes)} cells, but capacity={capacity}: give "
            "sizes up to that, or raise it."
        )
    return found


def _packed(
    dataset: TextDataset,
    part: str,
    strategy: Batching,
    rows: int,
    shard: tuple[int, int],
    seed: int | None,
) -> PackedDataset:
    texts = getattr(dataset, part)
    read = functools.partial(_cells, dataset, part)
    found = pack_examples(
        grain.MapDataset.range(len(texts)).map(read),
        strategy.sizes,
        strategy.packer,
        policy="split",
        max_per_row=strategy.max_per_row,
        lengths=texts.lengths,
        batch_size=rows,
        shard=shard,
        seed=seed,
        grouped=strategy.grouped,
    )
    assert isinstance(found, PackedDataset)
    return found


def _cells(dataset: TextDataset, part: str, number: int) -> dict[str, np.ndarray]:
    """Of each cell of a text its token, and where that stands in the data set."""
    text = getattr(dataset, part)[number]
    tokens = checked(text, len(dataset.classes), dataset.mask)
    return {
        "tokens": tokens,
        "text": np.full(len(tokens), number, np.int32),
        "place": np.arange(len(tokens), dtype=np.int32),
    }
