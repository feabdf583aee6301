"""Rows of examples that come in a stream: a window of them is packed at a time."""

from typing import Any

import grain
import numpy as np

from .iterator import PackedIterator
from .packing import Packing, Rows


class PackedStream(grain.IterDataset):
    """Packed rows of a stream; made by `pack_examples`.

    Every host reads the whole stream and lays out its own rows.
    """

    def __init__(
        self,
        examples: Any,
        packing: Packing,
        window: int,
        lengths: np.ndarray | None = None,
    ):
        super().__init__(examples)
        self._packing, self._window, self._lengths = packing, window, lengths

    def __iter__(self) -> PackedIterator:
        examples = self._parent.__iter__()
        return PackedIterator(examples, self._packing, self._window, self._lengths)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch, or rows where they are not batched.

        Raises:
            ValueError: if the lengths were not given.
        """
        if self._lengths is None:
            raise ValueError(
                "how many steps a stream has cannot be known before it ends: give its "
                "lengths in their order, as pack_examples(..., lengths=lengths). Of a "
                "histogram, jaxpad.batching.plan(histogram, capacity, packer).rows is "
                "how many rows there would be if all were packed at once, and a "
                "stream has a few more."
            )
        numbers, rows = np.arange(len(self._lengths)), 0
        for start in range(0, len(numbers), self._window):
            part = slice(start, start + self._window)
            rows += len(Rows(self._packing, self._lengths[part], numbers[part]))
        return self._packing.steps(rows)

    def set_slice(self, sl: slice, sequential_slice: bool = False) -> None:
        """Grain's workers would each pack their part of the stream: refused.

        Raises:
            ValueError: with what to do instead.
        """
        raise ValueError(
            "the rows of a stream would depend on the number of workers: put "
            ".mp_prefetch before pack_examples, or pack a grain.MapDataset."
        )
