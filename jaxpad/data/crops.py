"""Crops on the host: the part of an image that the network sees, and its mask's."""

import functools
import inspect
import math
from collections.abc import Callable, Sequence

import numpy as np

from ..registry import Registry
from .checks import check_range, check_sides
from .decode import Box, decode, image_size, read_box
from .records import IGNORE, Mask, Pixels


CROPS: Registry = Registry("crop")

# What a crop holds beyond the image: about the mean of photographs.
FILL = 118

Range = Sequence[float | int]  # smallest and largest
Cut = tuple[Pixels, Mask | None]


@CROPS.register
def whole(image: bytes | Pixels, mask: Mask | None, rng: np.random.Generator) -> Cut:
    """All of the image at its own size."""
    return decode(image), mask


@CROPS.register
def random_resized_crop(
    image: bytes | Pixels,
    mask: Mask | None,
    rng: np.random.Generator,
    *,
    size: int,
    scale: Range = (0.08, 1.0),
    ratio: Range = (3 / 4, 4 / 3),
) -> Cut:
    """A random box, resized to a square: the crop that ImageNet is trained with.

    Ten boxes are tried for one that fits; then the largest in the middle that keeps to
    `ratio` is taken.

    "Going Deeper with Convolutions", Szegedy et al., 2015.

    Args:
        image: a file's bytes or pixels `[h, w, c]`.
        mask: the class of each pixel `[h, w]`, or None.
        rng: of this record in this epoch.
        size: of the side, pixels.
        scale: smallest and largest part of the image's area.
        ratio: smallest and largest width over height, drawn evenly in its logarithm.

    Returns:
        Pixels uint8 `[size, size, c]`, and the mask `[size, size]` or None.

    Raises:
        ValueError: for an option out of range.
    """
    check_sides("size", size)
    check_range("scale", scale, 1.0)
    check_range("ratio", ratio)
    box = random_box(image_size(image), rng, scale, ratio)
    return read_box(image, box, (size, size)), nearest(mask, box, (size, size))


@CROPS.register
def resize_crop(
    image: bytes | Pixels,
    mask: Mask | None,
    rng: np.random.Generator,
    *,
    size: int,
    resize: int,
) -> Cut:
    """The middle square once the shorter side has `resize` pixels: for evaluation.

    Args:
        image: a file's bytes or pixels `[h, w, c]`.
        mask: the class of each pixel `[h, w]`, or None.
        rng: not used.
        size: of the side that is kept, pixels, at most `resize`.
        resize: what the shorter side is resized to, pixels.

    Returns:
        Pixels uint8 `[size, size, c]`, and the mask `[size, size]` or None.

    Raises:
        ValueError: if `size` is more than `resize`, or less than 1.
    """
    check_sides("size", size)
    check_sides("resize", resize)
    if size > resize:
        raise ValueError(
            f"resize_crop(size={size}, resize={resize}): the part that is kept cannot "
            f"be the larger one; write resize={size} or more."
        )
    height, width = image_size(image)
    side = max(1, round(min(height, width) * size / resize))
    box = ((height - side) // 2, (width - side) // 2, side, side)
    return read_box(image, box, (size, size)), nearest(mask, box, (size, size))


@CROPS.register
def random_scale_crop(
    image: bytes | Pixels,
    mask: Mask | None,
    rng: np.random.Generator,
    *,
    size: int | Sequence[int],
    scale: Range = (0.5, 2.0),
    most: float = 1.0,
) -> Cut:
    """The image at a random scale, and a random crop of it: for segmentation.

    What lies beyond the image is grey and has the label 255.

    "Pyramid Scene Parsing Network", Zhao et al., 2017.

    Args:
        image: a file's bytes or pixels `[h, w, c]`.
        mask: the class of each pixel `[h, w]`, or None.
        rng: of this record in this epoch.
        size: of the side, or height and width, pixels.
        scale: smallest and largest magnification.
        most: the part of the crop's labelled pixels that one class may have; of ten
            crops the first that keeps to it is taken, else the last.

    Returns:
        Pixels uint8 `[*size, c]`, and the mask `[*size]` or None.

    Raises:
        ValueError: for an option out of range.
    """
    high, wide = check_sides("size", size, pair=True)
    check_range("scale", scale)
    if not 0 < most <= 1:
        raise ValueError(f"most={most}: expected a part above 0 and at most 1.")
    height, width = image_size(image)
    zoom = rng.uniform(scale[0], scale[1])
    # The crop in pixels of the image; where it is larger, all of the image.
    reach = (max(1, round(high / zoom)), max(1, round(wide / zoom)))
    part = (min(reach[0], height), min(reach[1], width))
    box = (0, 0, *part)
    for _ in range(10):
        top = int(rng.integers(height - part[0] + 1))
        box = (top, int(rng.integers(width - part[1] + 1)), *part)
        if mask is None or most >= 1 or largest_share(mask, box) <= most:
            break
    inner = (
        high if part[0] == reach[0] else max(1, round(part[0] * zoom)),
        wide if part[1] == reach[1] else max(1, round(part[1] * zoom)),
    )
    inner = (min(inner[0], high), min(inner[1], wide))
    pixels = read_box(image, box, inner)
    return on_canvas(pixels, nearest(mask, box, inner), (high, wide))


def random_box(
    size: tuple[int, int], rng: np.random.Generator, scale: Range, ratio: Range
) -> Box:
    """The box of `random_resized_crop` in an image of height and width `size`."""
    height, width = size
    for _ in range(10):
        area = height * width * rng.uniform(scale[0], scale[1])
        shape = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        high, wide = round(math.sqrt(area / shape)), round(math.sqrt(area * shape))
        if 0 < high <= height and 0 < wide <= width:
            top = int(rng.integers(height - high + 1))
            return top, int(rng.integers(width - wide + 1)), high, wide
    # The largest in the middle that keeps to the ratio.
    wide = max(1, min(width, round(height * ratio[1])))
    high = max(1, min(height, round(width / ratio[0])))
    return (height - high) // 2, (width - wide) // 2, high, wide


def nearest(mask: Mask | None, box: Box, size: tuple[int, int]) -> Mask | None:
    """The labels in a box, each new pixel that of the old one under its middle.

    Example:
        >>> nearest(np.arange(16).reshape(4, 4), (0, 0, 4, 4), (2, 2))
        array([[ 5,  7],
               [13, 15]])
    """
    if mask is None:
        return None
    top, left, height, width = box
    rows = top + (2 * np.arange(size[0]) + 1) * height // (2 * size[0])
    columns = left + (2 * np.arange(size[1]) + 1) * width // (2 * size[1])
    return mask[rows[:, None], columns[None, :]]


def on_canvas(pixels: Pixels, mask: Mask | None, size: tuple[int, int]) -> Cut:
    """An image in the upper left corner of a grey one; the rest is labelled 255."""
    below, beside = size[0] - pixels.shape[0], size[1] - pixels.shape[1]
    if not below and not beside:
        return pixels, mask
    border = ((0, below), (0, beside))
    image = np.pad(pixels, (*border, (0, 0)), constant_values=FILL)
    if mask is None:
        return image, None
    return image, np.pad(mask, border, constant_values=IGNORE)


def largest_share(mask: Mask, box: Box) -> float:
    """The part that the most frequent class has of a box's labelled pixels."""
    top, left, height, width = box
    labels = mask[top : top + height, left : left + width]
    counts = np.bincount(labels[labels != IGNORE], minlength=1)
    return float(counts.max() / max(1, counts.sum()))


def check_crop(crop: Callable[..., Cut]) -> None:
    """Tries a crop on a grey image, so that no record is blamed for its options.

    A crop that is none of `CROPS` may want images of its own kind, and is not tried.

    Raises:
        ValueError: for an option that is missing or out of range.
    """
    function = crop.func if isinstance(crop, functools.partial) else crop
    lacking = [
        option.name
        for option in inspect.signature(crop).parameters.values()
        if option.kind is option.KEYWORD_ONLY and option.default is option.empty
    ]
    if lacking:
        name = getattr(function, "__name__", "the crop")
        example = ", ".join(f"{option}=224" for option in lacking)
        raise ValueError(
            f'{name} lacks {" and ".join(lacking)}: write "{name}({example})", for '
            "instance."
        )
    if function in CROPS.values():
        grey = np.full((64, 64, 3), FILL, np.uint8)
        crop(grey, None, np.random.default_rng(0))
