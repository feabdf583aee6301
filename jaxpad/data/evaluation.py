"""Batches for testing: each example once, whatever the batch size and the hosts."""

import functools
from collections.abc import Sequence

import numpy as np

from .batches import Batch, check_source, rows_of, stacked
from .crops import FILL, on_canvas, whole
from .examples import (
    PATIENCE,
    Crop,
    Example,
    Policy,
    RecordError,
    read_example,
    size_of,
    unreadable,
)
from .records import IGNORE, Dataset


class EvalBatches(Sequence[Batch]):
    """Every test example once, in batches of one size; the last is filled and masked.

    Under the crop `whole`, images may differ in size. Each lies in the upper left
    corner of a canvas, its size rounded up to `multiple`, and a batch holds images of
    one canvas: one compilation per canvas. What lies beyond the image is grey and
    labelled 255; with multiple=1 there is no such border, and more sizes to compile.
    All heads of files are read first, for the sizes.

    Args:
        dataset: where the examples come from.
        batch_size: examples a batch, over all hosts.
        crop: from (image, mask, rng) to (pixels, mask).
        multiple: of which the sides of canvases are, pixels.
        shard: (which, of how many) equal parts of each batch this host reads.
        on_error: "raise", or "skip" to mask what cannot be read.

    Raises:
        ValueError: if there are no test examples, or a number is less than 1.
        RecordError: if the head of a file cannot be read; if none can, with "skip".

    Example:
        >>> from jaxpad.data import DATASETS
        >>> batches = EvalBatches(DATASETS["digits"](), 100)
        >>> len(batches), sum(int(batch["real"].sum()) for batch in batches)
        (4, 355)
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        crop: Crop = whole,
        multiple: int = 1,
        shard: tuple[int, int] = (0, 1),
        on_error: Policy = "raise",
    ):
        check_source(dataset, "test", on_error)
        if multiple < 1:
            raise ValueError(f"multiple={multiple}: expected at least 1.")
        self.dataset, self.crop = dataset, crop
        self._rows = rows_of(batch_size, shard)
        self._on_error = on_error
        self._plan = [
            (canvas, group, start)
            for canvas, group in self._groups(multiple).items()
            for start in range(0, len(group), batch_size)
        ]
        self._size = batch_size

    def __len__(self) -> int:
        return len(self._plan)

    def __getitem__(self, number: int) -> Batch:  # pyright: ignore[reportIncompatibleMethodOverride]
        canvas, _, _ = self._plan[number]
        numbers, real = self._wanted(number)
        found = [self._read(int(index), canvas) for index in numbers]
        real = real & np.asarray([fine for fine, _ in found])
        images, labels = stacked([example for _, example in found], self.dataset)
        if self.dataset.task == "segmentation":
            labels[~real] = IGNORE
        ids = np.stack([np.zeros_like(numbers), numbers], -1).astype(np.uint32)
        return {"image": images, "label": labels, "real": real, "id": ids}

    def skipped(self, number: int, batch: Batch) -> int:
        """How many examples of a batch could not be read."""
        return int((self._wanted(number)[1] & ~batch["real"]).sum())

    def _wanted(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of this host's records, and which are more than filling."""
        _, group, start = self._plan[number]
        places = np.arange(start, start + self._size)[self._rows]
        inside = places < len(group)
        return np.asarray(group)[np.where(inside, places, start)], inside

    def _groups(self, multiple: int) -> dict[tuple[int, int] | None, list[int]]:
        """The numbers of the records, by the canvas that they need."""
        count = len(self.dataset.test)
        if self.crop is not whole:
            return {None: list(range(count))}
        groups: dict[tuple[int, int] | None, list[int]] = {}
        broken, first = [], None
        for index in range(count):
            try:
                size = size_of(self.dataset, self.dataset.test, index)
            except RecordError as error:
                if self._on_error == "raise":
                    raise
                broken.append(index)
                first = first or error
                continue
            high, wide = (-(-side // multiple) * multiple for side in size)
            groups.setdefault((high, wide), []).append(index)
        if broken and not groups:
            what = f"the {count} test records"
            raise unreadable(what, self.dataset, first) from first
        if broken:  # counted where they are masked
            next(iter(groups.values())).extend(broken)
        return groups

    def _read(self, index: int, canvas: tuple[int, int] | None) -> tuple[bool, Example]:
        """Whether a record can be read, and it or what fills its place."""
        try:
            pixels, label = self._example(index)
        except RecordError:
            if self._on_error == "raise":
                raise
            return False, self._filling(canvas)
        if canvas is not None:
            mask = label if label.ndim else None
            pixels, mask = on_canvas(pixels, mask, canvas)
            label = label if mask is None else mask
        return True, (pixels, label)

    def _example(self, index: int) -> Example:
        rng = np.random.default_rng((0, 0, index))
        return read_example(self.dataset, self.dataset.test, index, self.crop, rng)

    def _filling(self, canvas: tuple[int, int] | None) -> Example:
        """Grey in the shape of an example, on a canvas if there is one."""
        pixels, label = self._readable
        size = pixels.shape[:2] if canvas is None else canvas
        grey = np.full((*size, pixels.shape[-1]), FILL, np.uint8)
        return grey, np.zeros(size if label.ndim else (), np.int32)

    @functools.cached_property
    def _readable(self) -> Example:
        """The first example that can be read."""
        tries, first = min(len(self.dataset.test), PATIENCE), None
        for index in range(tries):
            try:
                return self._example(index)
            except RecordError as error:
                first = first or error
        what = f"the first {tries} test records"
        raise unreadable(what, self.dataset, first) from first
