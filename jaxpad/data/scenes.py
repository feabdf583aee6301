"""Handwritten digits pasted on photographs, with the class of each pixel."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from .handwritten import digits
from .photos import SIZE, halves
from .records import DATASETS, ArraySource, Dataset, as_arrays


SCENES = {"train": 1200, "test": 300}
DIGITS = 4  # most on a scene
TRIES = 20  # at a free place for each
SIDES = (20, 32)  # smallest and largest digit, pixels
DIMMED = 0.5  # brightness of the photographs, of 1
INK = (128, 255)  # lowest and highest of each of the ink's colours: above the dimmed


class _Pile(NamedTuple):
    """What scenes are made of."""

    images: UInt8[np.ndarray, "n 8 8 1"]
    labels: Int[np.ndarray, " n"]
    side: int  # which half of the photographs


@DATASETS.register
def digit_scenes() -> Dataset:
    """Find the digits: 64x64 pixels of photographs with one to four digits on them.

    A digit of scikit-learn's set is enlarged to 20 to 32 pixels and pasted whole, at a
    random free place of a photograph that is dimmed to half its brightness, in a
    random brighter colour. A pixel belongs to a digit where its ink is at least half of
    what is seen. Training scenes have the training digits on left halves of
    photographs, test scenes the test digits on right halves. Background is class 0 and
    digit d is class d + 1. The 1,200 and 300 scenes are the same on every machine.

    Example:
        >>> from jaxpad.data import DATASETS
        >>> data = DATASETS["digit_scenes"]()
        >>> data.train[0].image.shape, data.train[0].target.shape
        ((64, 64, 3), (64, 64))
    """
    found = digits()
    piles = {
        "train": _Pile(*as_arrays(found.train), side=0),
        "test": _Pile(*as_arrays(found.test), side=1),
    }
    train, test = (_scenes(name, pile) for name, pile in piles.items())
    return Dataset(
        name="digit_scenes",
        classes=("background", *(f"digit {n}" for n in range(10))),
        train=train,
        test=test,
        task="segmentation",
        note=(
            "A scene's true surroundings are more of the photograph; no digit crosses "
            "the border, so what a padding invents there is background."
        ),
    )


def _scenes(name: str, pile: _Pile) -> ArraySource:
    pairs = [_scene(pile, (name == "test", number)) for number in range(SCENES[name])]
    images, labels = zip(*pairs, strict=True)
    return ArraySource(f"digit_scenes/{name}", np.stack(images), np.stack(labels))


def _scene(
    pile: _Pile, seed: tuple[int, int]
) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]:
    rng = np.random.default_rng(seed)
    photographs = halves()
    half = photographs[rng.integers(len(photographs))][pile.side]
    top = rng.integers(half.shape[0] - SIZE + 1)
    left = rng.integers(half.shape[1] - SIZE + 1)
    scene = half[top : top + SIZE, left : left + SIZE] * DIMMED
    labels, taken = np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE), bool)
    for _ in range(rng.integers(1, DIGITS + 1)):
        which = rng.integers(len(pile.labels))
        ink = _enlarged(pile.images[which, ..., 0], int(rng.integers(*SIDES) + 1))
        part = _free(taken, len(ink), rng)
        if part is None:
            continue
        taken[part] = True
        colour = rng.uniform(*INK, 3)
        scene[part] += ink[..., None] * (colour - scene[part])
        labels[part][ink >= 0.5] = pile.labels[which] + 1
    return scene.round().astype(np.uint8), labels


def _free(
    taken: Bool[np.ndarray, "h w"], side: int, rng: np.random.Generator
) -> tuple[slice, slice] | None:
    """A random square that is free; None if none was found."""
    for _ in range(TRIES):
        top, left = rng.integers(SIZE - side + 1, size=2)
        part = np.s_[top : top + side, left : left + side]
        if not taken[part].any():
            return part
    return None


def _enlarged(
    digit: UInt8[np.ndarray, "8 8"], side: int
) -> Float[np.ndarray, "side side"]:
    """A digit's ink, 0 to 1, bilinear at half-pixel centres."""
    at = np.clip((np.arange(side) + 0.5) * 8 / side - 0.5, 0, 7)
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(8)))
    return weights @ (digit / 255) @ weights.T
