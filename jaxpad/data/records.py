"""Records, sources of records, and data sets; the names of all data sets."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Literal, Protocol, SupportsIndex, get_args, runtime_checkable

import numpy as np
from jaxtyping import Integer, Shaped, UInt8

from ..registry import Registry


DATASETS: Registry = Registry("data set")

Task = Literal["classification", "segmentation"]

# Of an image: a file of a few bytes can claim any size. PIL warns from here on.
MOST_PIXELS = 89_478_485

# The label of a pixel that does not count.
IGNORE = 255

# [h, w, c] and [h, w]; without names, for a function may return another size.
Pixels = UInt8[np.ndarray, "_ _ _"]
Mask = Integer[np.ndarray, "_ _"]


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """One example as it is stored.

    Attributes:
        key: its name in errors and logs, such as the file's.
        image: the bytes of a file, which becomes RGB, or pixels `[h, w, c]`.
        target: the class, a whole number; in segmentation a class per pixel `[h, w]`,
            or the bytes of a one-channel PNG that holds them.
    """

    key: str
    image: bytes | Pixels
    target: SupportsIndex | bytes | Mask


@runtime_checkable
class Source(Protocol):
    """Records by number: any sequence that can be pickled and says what it holds."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Record: ...

    def fingerprint(self) -> str:
        """Changes when the records, their sizes or their order do."""
        ...


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Records to train on and to test on.

    Attributes:
        name: the name in `DATASETS`.
        classes: the name of each class.
        train: the records to train on.
        test: other records.
        note: what padding means on these images, for the report.
        task: "classification", or "segmentation", where label 255 does not count.
        relabel: of a mask's numbers 0, 1, ... the class, 255, or -1 for those that no
            mask may hold; 255 stays. None if the masks hold classes.
        zero_background: whether the surroundings of the object are zeros, so that
            the part of the intensity at the border says how near it the object is.
    """

    name: str
    classes: tuple[str, ...]
    train: Source
    test: Source
    note: str
    task: Task = "classification"
    relabel: tuple[int, ...] | None = None
    zero_background: bool = False

    def __post_init__(self):
        check_one_of("task", self.task, get_args(Task))

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of all that the records are.

        Example:
            >>> from jaxpad.data import DATASETS
            >>> DATASETS["digits"]().fingerprint() == DATASETS["digits"]().fingerprint()
            True
        """
        parts = (self.name, self.task, *self.classes, str(self.relabel))
        return digest(*parts, self.train.fingerprint(), self.test.fingerprint())


@dataclasses.dataclass(frozen=True)
class ArraySource:
    """Records in memory.

    Attributes:
        name: the keys are `name/0`, `name/1` and so on.
        images: `[n, h, w, c]`, 0 to 255.
        targets: classes `[n]`, or a class per pixel `[n, h, w]`.
    """

    name: str
    images: UInt8[np.ndarray, "n h w c"]
    targets: Integer[np.ndarray, " n"] | Integer[np.ndarray, "n h w"]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Record:
        target = self.targets[index]
        return Record(
            f"{self.name}/{index}",
            self.images[index],
            int(target) if target.ndim == 0 else target,
        )

    def fingerprint(self) -> str:
        """A hash of every number."""
        return digest(self.name, self.images, self.targets)


def as_arrays(
    source: Source,
) -> tuple[UInt8[np.ndarray, "n h w c"], Integer[np.ndarray, "*shape"]]:
    """All images and targets of a source of pixels of one size, for small sets.

    Args:
        source: whose records hold pixels, not the bytes of files.

    Returns:
        Images `[n, h, w, c]` and int32 targets `[n]` or `[n, h, w]`.

    Example:
        >>> from jaxpad.data import DATASETS
        >>> images, labels = as_arrays(DATASETS["digits"]().test)
        >>> images.shape, labels.shape
        ((355, 8, 8, 1), (355,))
    """
    records = [source[index] for index in range(len(source))]
    images = np.stack([np.asarray(record.image) for record in records])
    return images, np.stack([np.asarray(r.target, np.int32) for r in records])


def check_one_of(name: str, value: object, names: Sequence[str]) -> None:
    """Raises for a word that means nothing.

    Raises:
        ValueError: with those that mean something.
    """
    if value not in names:
        expected = " or ".join(map(repr, names))
        raise ValueError(f"{name}={value!r}: expected {expected}.")


def digest(*parts: str | Shaped[np.ndarray, "..."]) -> str:
    """Sixteen hexadecimal digits that no other parts have."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            data, kind = part.encode(), "text"
        else:
            array = np.ascontiguousarray(part)
            data, kind = array.tobytes(), f"{array.dtype.str}{array.shape}"
        # With its length, so that no two lists of parts run together.
        found.update(f"{kind}{len(data)}:".encode() + data)
    return found.hexdigest()[:16]
