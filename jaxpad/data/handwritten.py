"""Handwritten digits, which come with scikit-learn."""

from typing import Any

import numpy as np
from jaxtyping import Int

from .records import DATASETS, ArraySource, Dataset


@DATASETS.register
def digits() -> Dataset:
    """1,797 handwritten digits of 8x8 pixels that come with scikit-learn.

    The split is fixed and stratified: within each class, in the order of the file,
    every fifth image is for testing (355) and the others for training (1,442).

    "Optical Recognition of Handwritten Digits", Alpaydin and Kaynak, 1998.
    """
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int32)
    test = every_fifth(labels)
    return Dataset(
        name="digits",
        classes=tuple(str(n) for n in range(10)),
        train=ArraySource("digits/train", images[~test], labels[~test]),
        test=ArraySource("digits/test", images[test], labels[test]),
        note=(
            "A digit's true surroundings are zeros, so zero padding tells the truth "
            "here and other paddings can hardly do better: expect the differences "
            "between paddings on this set to be within the noise."
        ),
        zero_background=True,
    )


def every_fifth(labels: Int[np.ndarray, " n"]) -> np.ndarray:
    """True for every fifth example of each class, in order of appearance.

    Example:
        >>> every_fifth(np.array([0, 0, 1, 0, 0, 0, 1]))
        array([False, False, False, False, False,  True, False])
    """
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        chosen[np.flatnonzero(labels == label)[4::5]] = True
    return chosen
