"""Read the test images that a run kept, and what the model said of them."""

import pathlib
from typing import NamedTuple

import numpy as np

from jaxpad.untrusted import read_npz


IGNORE = 255  # the label of pixels that do not count
# Kinds of numbers, as NumPy calls them, and how many axes.
KEYS = {
    **{"index": ("iu", 1), "image": ("u", 4), "label": ("iu", 1)},
    **{"prediction": ("iu", 1), "probability": ("f", 1)},
}


class Answers(NamedTuple):
    """A test image uint8 [h, w, 1 or 3], its class, the answer and how sure it is."""

    number: int
    image: np.ndarray
    label: int
    prediction: int
    probability: float


class Masks(NamedTuple):
    """A test image uint8 [h, w, 1 or 3], its true classes [h, w] and the answer."""

    number: int
    image: np.ndarray
    label: np.ndarray
    prediction: np.ndarray


def read_answers(path: pathlib.Path, classes: int) -> list[Answers]:
    """Reads images, labels, predictions, probabilities and numbers of images.

    Args:
        path: a file of numpy's npz format, one array a name.
        classes: how many there are.

    Returns:
        One record an image.

    Raises:
        ValueError: an array is missing, of a wrong shape, or holds what is no class.
    """
    stored = read_npz(path)
    for key, (kinds, axes) in KEYS.items():
        if key in stored:
            _check_array(path, key, stored[key], kinds, axes)
    missing = [key for key in KEYS if key not in stored]
    if missing or len({len(stored[key]) for key in KEYS}) > 1:
        raise ValueError(
            f"{path} does not hold the arrays {', '.join(KEYS)} of one length: "
            f"{_shapes(stored)}."
        )
    for image in stored["image"]:
        _check_image(path, "image", image)
    for key in ("label", "prediction"):
        _check_classes(path, key, stored[key], classes)
    return [
        Answers(int(number), image, int(label), int(prediction), float(probability))
        for number, image, label, prediction, probability in zip(
            *(stored[key] for key in KEYS), strict=True
        )
    ]


def read_masks(path: pathlib.Path, classes: int) -> list[Masks]:
    """Reads images, true masks and predicted masks.

    Args:
        path: a file of numpy's npz format: `index`, and for each of its numbers
            `image_0`, `label_0`, `prediction_0` and so on.
        classes: how many there are.

    Returns:
        One record an image.

    Raises:
        ValueError: an array is missing, of a wrong shape, or holds what is no class.
    """
    stored = read_npz(path)
    if "index" not in stored:
        raise ValueError(f"{path} has no array 'index': {_shapes(stored)}.")
    masks = []
    _check_array(path, "index", stored["index"], "iu", 1)
    for row, number in enumerate(stored["index"]):
        names = [f"{key}_{row}" for key in ("image", "label", "prediction")]
        if missing := [name for name in names if name not in stored]:
            raise ValueError(f"{path} has no array {missing[0]!r}: {_shapes(stored)}.")
        image, label, prediction = (stored[name] for name in names)
        _check_image(path, names[0], image)
        for name, mask in zip(names[1:], (label, prediction), strict=True):
            _check_array(path, name, mask, "iu", 2)
            if mask.shape != image.shape[:2]:
                raise ValueError(
                    f"{path}: {name!r} is {mask.shape}; expected {image.shape[:2]}, "
                    f"the size of {names[0]!r}."
                )
        _check_classes(path, names[1], label[label != IGNORE], classes)
        _check_classes(path, names[2], prediction, classes)
        masks.append(Masks(int(number), image, label, prediction))
    return masks


def _shapes(stored: dict[str, np.ndarray]) -> str:
    shapes = ", ".join(f"{name} {array.shape}" for name, array in stored.items())
    return f"it holds {shapes or 'nothing'}"


def _check_array(
    path: pathlib.Path, name: str, array: np.ndarray, kinds: str, axes: int
) -> None:
    if array.dtype.kind not in kinds or array.ndim != axes:
        numbers = "numbers" if "f" in kinds else "whole numbers"
        raise ValueError(
            f"{path}: {name!r} is {array.dtype} {array.shape}; expected {numbers} "
            f"along {axes} axes."
        )


def _check_image(path: pathlib.Path, name: str, image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[-1] not in (1, 3) or image.dtype != np.uint8:
        raise ValueError(
            f"{path}: {name!r} is {image.dtype} {image.shape}; expected uint8 "
            "[h, w, 1 or 3]."
        )


def _check_classes(
    path: pathlib.Path, name: str, labels: np.ndarray, classes: int
) -> None:
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"{path}: {name!r} has labels {labels.min()} to {labels.max()}; expected 0 "
            f"to {classes - 1} for the {classes} classes."
        )
