"""From a record to an example: read, checked and cropped; errors have its key."""

import contextlib
import operator
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from jaxtyping import Int

from .crops import Cut
from .decode import image_size, read_mask
from .records import IGNORE, Dataset, Mask, Pixels, Record, Source


# What a batch does with a record that cannot be read.
Policy = Literal["raise", "skip"]

# After so many in a row, something else is wrong than here and there a file: a run
# that went on would see few records many times, or look for minutes through all.
PATIENCE = 100

Crop = Callable[[bytes | Pixels, Mask | None, np.random.Generator], Cut]

Example = tuple[Pixels, Int[np.ndarray, "*space"]]


class RecordError(ValueError):
    """A record that cannot be read, or does not hold what the data set promises."""


def read_example(
    dataset: Dataset, source: Source, index: int, crop: Crop, rng: np.random.Generator
) -> Example:
    """One example: pixels and an int32 class, or a class per pixel.

    Args:
        dataset: of which `source` is a part.
        source: the records.
        index: which of them.
        crop: from (image, mask, rng) to (pixels, mask).
        rng: of this record in this epoch.

    Returns:
        Pixels uint8 `[h, w, c]`, and a scalar or `[h, w]`.

    Raises:
        RecordError: if the record is broken; it says which.
    """
    record = _record(dataset, source, index)
    with _named(record, dataset):
        if dataset.task == "classification":
            return crop(record.image, None, rng)[0], _class_of(record, dataset)
        pixels, mask = crop(record.image, _mask_of(record, dataset), rng)
        return pixels, np.asarray(mask, np.int32)


def size_of(dataset: Dataset, source: Source, index: int) -> tuple[int, int]:
    """Height and width of a record's image, pixels.

    Raises:
        RecordError: if it has none.
    """
    record = _record(dataset, source, index)
    with _named(record, dataset):
        return image_size(record.image)


def unreadable(what: str, dataset: Dataset, first: RecordError | None) -> RecordError:
    """The error of several records, `what`; the first error speaks for the others."""
    return RecordError(
        f"none of {what} of {dataset.name} can be read. The first error: {first}"
    )


@contextlib.contextmanager
def _named(record: Record, dataset: Dataset) -> Iterator[None]:
    """Says which record an error is about."""
    try:
        yield
    except ValueError as error:
        what = f"record {record.key!r} of {dataset.name}"
        raise RecordError(f"{what}: {error}") from error


def _record(dataset: Dataset, source: Source, index: int) -> Record:
    try:
        return source[index]
    except (OSError, ValueError) as error:
        raise RecordError(
            f"record number {index} of {dataset.name}: {error}"
        ) from error


def _class_of(record: Record, dataset: Dataset) -> Int[np.ndarray, ""]:
    count, number = len(dataset.classes), _number(record.target)
    if number is None or not 0 <= number < count:
        what = f"a {type(record.target).__name__}" if number is None else number
        raise ValueError(
            f"the class is {what}: expected a number from 0 to {count - 1}, one for "
            f"each of the {count} classes."
        )
    return np.asarray(number, np.int32)


def _number(target: Any) -> int | None:
    """A class, which may be one of NumPy's whole numbers; None for what is none."""
    try:
        return operator.index(target)
    except TypeError:
        return None


def _mask_of(record: Record, dataset: Dataset) -> Mask:
    target = record.target
    if not isinstance(target, bytes | np.ndarray):
        raise ValueError(f"a mask was expected, but the class {target} came.")
    mask, size = read_mask(target), image_size(record.image)
    if mask.shape != size:
        raise ValueError(
            f"the mask is {mask.shape[0]}x{mask.shape[1]} and the image {size[0]}x"
            f"{size[1]} (height x width, the right way up): expected equal sizes."
        )
    if dataset.relabel is not None:
        return _relabelled(mask, dataset.relabel)
    count = len(dataset.classes)
    wrong = mask[((mask < 0) | (mask >= count)) & (mask != IGNORE)]
    if wrong.size:
        raise ValueError(
            f"{wrong.size} pixels of the mask have labels such as {wrong[0]}: expected "
            f"0 to {count - 1} for the {count} classes, or {IGNORE} where no class "
            "counts."
        )
    return mask


def _relabelled(mask: Mask, classes: tuple[int, ...]) -> Mask:
    """The class of each number; 255 stays."""
    table = np.full(256, -1, np.int32)
    table[: len(classes)] = classes
    table[IGNORE] = IGNORE
    inside = np.clip(mask, 0, IGNORE)
    found = table[inside]
    wrong = mask[(found < 0) | (inside != mask)]
    if wrong.size:
        known = [n for n, label in enumerate(classes) if label >= 0]
        raise ValueError(
            f"{wrong.size} pixels of the mask hold {wrong[0]}: expected {known[0]} to "
            f"{known[-1]}, or {IGNORE} where no class counts."
        )
    return found
