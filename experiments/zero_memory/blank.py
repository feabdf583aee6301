"""Data sets of black images: a step is compiled from shapes, whatever they show."""

import numpy as np

from jaxpad.data.records import ArraySource, Dataset, Task


def imagenet() -> Dataset:
    """2,048 images of 224x224 pixels in 1,000 classes."""
    return _dataset("classification", (2048, 224, 224), (), 1000)


def voc12() -> Dataset:
    """32 images of 512x512 pixels, each in one of 21 classes."""
    return _dataset("segmentation", (32, 512, 512), (512, 512), 21)


def _dataset(
    task: Task, size: tuple[int, ...], mask: tuple[int, ...], count: int
) -> Dataset:
    images = np.broadcast_to(np.uint8(0), (*size, 3))
    targets = np.broadcast_to(np.int64(0), (size[0], *mask))
    source = ArraySource("blank", images, targets)
    names = tuple(map(str, range(count)))
    return Dataset("blank", names, source, source, "Nothing is to be seen.", task)
