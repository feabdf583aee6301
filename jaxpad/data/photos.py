"""Ten photographs that come with scikit-image and scikit-learn, cut into crops."""

import functools
from typing import Any

import numpy as np

from .records import DATASETS, ArraySource, Dataset, Pixels


# Of scikit-image; the last two are scikit-learn's.
NAMES = (
    *("astronaut", "brick", "camera", "chelsea", "coffee", "grass", "gravel", "rocket"),
    *("china", "flower"),
)
SIZE = 64  # of a crop's side, pixels
GAP = 16  # columns between the halves that belong to neither


@DATASETS.register
def photos10() -> Dataset:
    """Which of ten photographs is a crop of 64x64 pixels from?

    Each photograph is made half as large by means of 2x2 pixels. Of its left half come
    120 crops to train on, 12 rows of 10 evenly spaced, and of its right half 40 to test
    on, 8 rows of 5. Crops of one half overlap; 16 columns in the middle lie in none, so
    nothing is seen in both. Grey photographs have three equal channels.

    Example:
        >>> from jaxpad.data import DATASETS
        >>> data = DATASETS["photos10"]()
        >>> len(data.train), len(data.test), data.train[0].image.shape
        (1200, 400, (64, 64, 3))
    """
    return Dataset(
        name="photos10",
        classes=NAMES,
        train=_crops("photos10/train", 0, rows=12, columns=10),
        test=_crops("photos10/test", 1, rows=8, columns=5),
        note=(
            "A crop's true surroundings are more of the photograph, so here a padding "
            "can tell more or less of the truth about them than zeros do."
        ),
    )


@functools.cache
def halves() -> tuple[tuple[Pixels, Pixels], ...]:
    """The left and the right half of each photograph, uint8 RGB at half its size."""
    return tuple(_split(_halved(photograph)) for photograph in _photographs())


def _photographs() -> list[np.ndarray]:
    from skimage import data
    from sklearn.datasets import load_sample_image

    images: Any = [getattr(data, name)() for name in NAMES[:8]]
    return [*images, *(load_sample_image(f"{name}.jpg") for name in NAMES[8:])]


def _halved(photograph: np.ndarray) -> Pixels:
    """The mean over each 2x2 pixels, rounded, as RGB."""
    if photograph.ndim == 2:
        photograph = np.repeat(photograph[..., None], 3, -1)
    height, width = (side // 2 for side in photograph.shape[:2])
    blocks = photograph[: 2 * height, : 2 * width].astype(np.uint16)
    sums = blocks.reshape(height, 2, width, 2, 3).sum((1, 3))
    return ((sums + 2) // 4).astype(np.uint8)


def _split(image: Pixels) -> tuple[Pixels, Pixels]:
    middle = image.shape[1] // 2
    return image[:, : middle - GAP // 2], image[:, middle + GAP // 2 :]


def _crops(name: str, side: int, rows: int, columns: int) -> ArraySource:
    """Crops of one half of each photograph, on a grid from corner to corner."""
    images, labels = [], []
    for label, pair in enumerate(halves()):
        half = pair[side]
        tops = np.linspace(0, half.shape[0] - SIZE, rows).round().astype(int)
        lefts = np.linspace(0, half.shape[1] - SIZE, columns).round().astype(int)
        images += [half[t : t + SIZE, x : x + SIZE] for t in tops for x in lefts]
        labels += [label] * (rows * columns)
    return ArraySource(name, np.stack(images), np.asarray(labels, np.int32))
