"""Masks over their images: what is true, what was said, and where they differ."""

import colorsys
from typing import NamedTuple

import numpy as np

from jaxpad.reports.arrays import IGNORE, Masks
from jaxpad.reports.figure import Picture
from jaxpad.reports.raster import EXACT, pixels, shrink, shrink_mask


LARGEST = 512  # pixels of the longer side of a picture
COLOUR = 0.65  # of a pixel; the rest is the image's brightness
UNCOUNTED = np.array([150, 150, 150])
WRONG = np.array([214, 40, 20])
BACKGROUND = (24, 28, 58)


class Overlay(NamedTuple):
    """One test image in words, its four pictures, and whether their pixels show."""

    title: str
    pictures: list[Picture]
    small: bool


def overlays(masks: list[Masks], classes: list[str]) -> list[Overlay]:
    """Draws each image, its true mask, the predicted one, and where they differ.

    Args:
        masks: the images.
        classes: the name of each class.

    Returns:
        One for each image, every picture at most 512 pixels high and wide.
    """
    return [_overlay(found, palette(classes)) for found in masks]


def legend(masks: list[Masks], classes: list[str]) -> list[tuple[str, str]]:
    """Names the colours in the masks.

    Args:
        masks: the images.
        classes: the name of each class.

    Returns:
        Pairs of a CSS colour and what it means: each class that is in a mask, then
        pixels that do not count if there are any, then wrong ones.
    """
    there = {int(c) for m in masks for a in m[2:] for c in np.unique(a)}
    colours = palette(classes)
    rows = [(css(colours[c]), classes[c]) for c in sorted(there - {IGNORE})]
    if IGNORE in there:
        rows.append((css(UNCOUNTED), "does not count"))
    return [*rows, (css(WRONG), "wrong")]


def palette(classes: list[str]) -> np.ndarray:
    """A colour for each class: never grey, never the red of what is wrong.

    Hues go round by the golden ratio, so that neighbours in the list differ most.

    Args:
        classes: their names; "background" is dark.

    Returns:
        Uint8 [classes, 3].

    Example:
        >>> palette(["background", "cat", "dog"])[0].tolist()
        [24, 28, 58]
    """
    tones = ((0.9, 1.0), (0.55, 0.95), (0.95, 0.62))  # saturation and value
    rows = []
    for number, name in enumerate(classes):
        hue = 0.06 + 0.88 * ((0.3 + number * 0.6180339887) % 1.0)
        rgb = colorsys.hsv_to_rgb(hue, *tones[number % len(tones)])
        rows.append(BACKGROUND if name == "background" else [255 * c for c in rgb])
    return np.asarray(rows).round().astype(np.uint8)


def css(colour: np.ndarray) -> str:
    """A colour as CSS writes it.

    Example:
        >>> css(np.asarray([255, 0, 10]))
        '#ff000a'
    """
    return "#" + "".join(f"{value:02x}" for value in colour)


def _overlay(found: Masks, colours: np.ndarray) -> Overlay:
    counted = found.label != IGNORE
    right = int((counted & (found.label == found.prediction)).sum())
    share = f"{right / max(1, counted.sum()):.1%} of the pixels that count are right"
    name = f"test image {found.number}"
    image = shrink(found.image, LARGEST)
    label, said = (shrink_mask(m, LARGEST) for m in (found.label, found.prediction))
    drawn = {
        "image": image,
        "truth": _blend(image, label, colours),
        "prediction": _blend(image, said, colours),
        "difference": _difference(image, label, said),
    }
    return Overlay(
        f"Test image {found.number}: {share if counted.any() else 'no pixel counts'}",
        [Picture(k, pixels(v), f"{k} of {name}") for k, v in drawn.items()],
        small=max(image.shape) <= EXACT,
    )


def _blend(image: np.ndarray, mask: np.ndarray, colours: np.ndarray) -> np.ndarray:
    bright = image.mean(-1, keepdims=True)
    known = np.where(mask == IGNORE, 0, mask)
    mixed = COLOUR * colours[known] + (1 - COLOUR) * bright
    return _where(mask == IGNORE, UNCOUNTED, mixed)


def _difference(image: np.ndarray, label: np.ndarray, said: np.ndarray) -> np.ndarray:
    pale = 255 - 0.3 * (255 - image.mean(-1, keepdims=True)) + np.zeros(3)
    marked = _where(label != said, WRONG, pale)
    return _where(label == IGNORE, UNCOUNTED, marked)


def _where(chosen: np.ndarray, colour: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(chosen[..., None], colour, other).round().astype(np.uint8)
