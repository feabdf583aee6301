"""Accuracy near the border and far from it, of classes of images or of pixels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Integer

from ...typing import AnyArray
from .sums import PARTS, Tally, by_ring, class_tally, hidden, looks, pixel_sums


class Distance(NamedTuple):
    """Accuracy and loss against the distance to the border.

    Attributes:
        what: what the cells mean for this task, in words.
        cells: distances; 0 is the outermost ring.
        count: of pixels, or of images, at each of them.
        accuracy: the part that is right; NaN where nothing counts.
        loss: mean cross-entropy, nats; likewise.
    """

    what: str
    cells: list[int]
    count: Any  # list[int]; a tuple has a method of this name
    accuracy: list[float]
    loss: list[float]


class Cutout(NamedTuple):
    """A figure of the border and of the centre, for a centre that grows.

    Attributes:
        what: what counts as seen or judged, in words.
        part: of each side that the central rectangle takes.
        border: the figure outside the rectangle.
        centre: inside it; NaN where it is empty.
    """

    what: str
    part: list[float]
    border: list[float]
    centre: list[float]


PIXELS_AT = (
    "The pixels at a distance of so many pixels from the nearest border, 0 being the "
    "outermost."
)
RING_HIDDEN = (
    "Images in which a ring that begins so many pixels from the border, {} wide, has "
    "the image's mean colour: how much an answer rests on what is there."
)
PIXELS_IN = (
    "Pixels outside and inside a central rectangle. Every pixel is seen; the rectangle "
    "says which are judged."
)
CENTRE_HIDDEN = (
    "border: images whose central rectangle has the image's mean colour; centre: "
    "images of which only that rectangle is seen. All images are judged."
)
Classes = Mapping[tuple[str, float], Tally]


def by_distance(
    model: Callable[[Any], Any],
    images: Float[AnyArray, "n h w c"],
    labels: Integer[AnyArray, "*shape"],
) -> Distance:
    """Accuracy and loss against the distance to the border.

    A pixel's is that of its own place. A class of an image has no place: there a ring
    of the image, at most eight of them from the border to the middle, is hidden behind
    the image's mean colour, and the fall against the other rings says how much the
    answer rests on it.

    Args:
        model: from images to scores, `[n, classes]` or `[n, h, w, classes]`.
        images: as the model takes them.
        labels: `[n]`, or `[n, h, w]`, where one that is no class does not count.

    Returns:
        A `Distance`.

    Example:
        >>> right_in_the_middle = lambda x: jnp.eye(2)[(x[..., 0] > 0).astype(int)]
        >>> image = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32)
        >>> found = by_distance(right_in_the_middle, image[None, ..., None],
        ...                     np.ones((1, 3, 3), int))
        >>> found.cells, found.count, found.accuracy
        ([0, 1], [8, 1], [0.0, 1.0])

    "Position, Padding and Predictions" (Islam et al., 2021) measures by distance.
    """
    if np.ndim(labels) == 3:
        return distance_of_pixels(by_ring(pixel_sums(model(images), labels).maps))
    kinds = {"distance"}
    return distance_of_classes(_looked(model, images, labels, kinds))


def by_cutout(
    model: Callable[[Any], Any],
    images: Float[AnyArray, "n h w c"],
    labels: Integer[AnyArray, "*shape"],
    *,
    parts: Sequence[float] = PARTS,
    figure: Callable[[np.ndarray], float] | None = None,
) -> Cutout:
    """A figure of the border and of the centre, while a central rectangle grows.

    Args:
        model, images, labels: as in `by_distance`. Of classes of images the rectangle
            is hidden behind the image's mean colour (border), or all but it (centre);
            of pixels it only says which are judged.
        parts: of each side that the rectangle takes.
        figure: of pixels, from a confusion matrix, true classes in rows; by default
            the part that is right. Of images it is the accuracy.

    Returns:
        A `Cutout`.

    Example:
        >>> image = np.zeros((1, 4, 4, 1), np.float32)
        >>> image[:, 1:3, 1:3] = 1
        >>> model = lambda x: jnp.eye(2)[(x[..., 0] > 0).astype(int)]
        >>> by_cutout(model, image, np.ones((1, 4, 4), int), parts=(0.0, 0.5))[1:]
        ([0.0, 0.5], [0.25, 0.0], [nan, 1.0])

    "Partial Convolution based Padding" (Liu et al., 2018) leaves out a rectangle that
    grows, and finds that the gain is at the border.
    """
    parts = sorted(map(float, parts))
    if np.ndim(labels) == 3:
        sums = pixel_sums(model(images), labels, parts)
        counts = np.asarray(sums.confusion, np.int64)
        return cutout_of_pixels(counts, parts, figure or _right)
    kinds = {"border", "centre"}
    return cutout_of_classes(_looked(model, images, labels, kinds, parts))


def _looked(
    model: Callable[[Any], Any],
    images: Any,
    labels: Any,
    kinds: set[str],
    parts: Sequence[float] = PARTS,
) -> dict[tuple[str, float], Tally]:
    real, (_, height, width, _) = jnp.ones(len(labels), bool), np.shape(images)
    return {
        look: Tally(
            *map(np.asarray, class_tally(model(hidden(images, seen)), labels, real))
        )
        for look, seen in looks(height, width, parts).items()
        if look[0] in kinds
    }


def distance_of_pixels(rings: Tally) -> Distance:
    """From the sums over each ring."""
    return _distance(PIXELS_AT, range(len(rings.count)), rings)


def distance_of_classes(found: Classes) -> Distance:
    """From the sums of each look at the images."""
    cells = sorted(int(number) for kind, number in found if kind == "distance")
    each = [found["distance", float(d)] for d in cells]
    width = min(np.diff(cells), default=1)
    rings = Tally(*(np.asarray(column) for column in zip(*each, strict=True)))
    return _distance(RING_HIDDEN.format(width), cells, rings)


def _distance(what: str, cells: Any, rings: Tally) -> Distance:
    count, correct, loss = (np.asarray(x, np.float64) for x in rings)
    return Distance(
        what,
        [int(d) for d in cells],
        count.astype(int).tolist(),
        ratio(correct, count).tolist(),
        ratio(loss, count).tolist(),
    )


def cutout_of_pixels(
    confusion: np.ndarray, parts: Sequence[float], figure: Callable[[Any], float]
) -> Cutout:
    """From the counts of each zone: in how many of the rectangles its pixels lie."""
    border, centre = [], []
    for number in range(len(parts)):
        first = len(parts) - number  # the rectangle holds the zones from here on
        border.append(_figure(confusion[:first], figure))
        centre.append(_figure(confusion[first:], figure))
    return Cutout(PIXELS_IN, [float(p) for p in parts], border, centre)


def _figure(confusion: np.ndarray, figure: Callable[[Any], float]) -> float:
    total = confusion.sum(0)
    return float(figure(total)) if total.sum() else float("nan")


def cutout_of_classes(found: Classes) -> Cutout:
    """From the sums of each look at the images."""
    parts = sorted(part for kind, part in found if kind == "border")
    nothing = Tally(*np.zeros((3, 1)))

    def accuracy(kind: str, part: float) -> float:
        tally = found.get((kind, part), nothing)
        return float(ratio(tally.correct, tally.count).item())

    return Cutout(
        CENTRE_HIDDEN,
        [float(part) for part in parts],
        [accuracy("border", part) for part in parts],
        [accuracy("centre", part) for part in parts],
    )


def ratio(part: Any, whole: Any) -> np.ndarray:
    """`part / whole`, NaN where there is nothing."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def _right(confusion: np.ndarray) -> float:
    return float(np.trace(confusion) / confusion.sum())
