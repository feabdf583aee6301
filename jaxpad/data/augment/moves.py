"""Augmentations that move pixels, and with them the mask."""

import jax
import jax.numpy as jnp
from jaxtyping import Key

from ...typing import Array
from ..records import IGNORE
from .compose import (
    AUGMENTS,
    Image,
    Images,
    Keys,
    Label,
    Labels,
    check_option,
    is_mask,
    per_record,
)


@AUGMENTS.register
def none(images: Images, labels: Labels, keys: Keys) -> tuple[Images, Labels]:
    """The images as they are."""
    return images, labels


@AUGMENTS.register
@per_record
def shift(
    image: Image, label: Label, key: Key[Array, ""], *, pixels: int = 1
) -> tuple[Image, Label]:
    """Moves each image by up to `pixels` along each axis; zeros come in.

    Args:
        image: `[h, w, c]` of each record.
        label: a mask moves too, and 255 comes in.
        key: of the record.
        pixels: largest distance.

    Returns:
        Image and label of the same shapes.

    Raises:
        ValueError: for a distance below 0.
    """
    check_option(pixels >= 0, "shift's pixels", pixels, "0 or more")
    start = jax.random.randint(key, (2,), 0, 2 * pixels + 1)
    if is_mask(label):
        label = _crop(label[..., None], start, pixels, IGNORE)[..., 0]
    return _crop(image, start, pixels, 0), label


def _crop(image: Array, start: Array, pixels: int, fill: int) -> Array:
    border = ((pixels, pixels), (pixels, pixels), (0, 0))
    canvas = jnp.pad(image, border, constant_values=fill)
    return jax.lax.dynamic_slice(canvas, (start[0], start[1], 0), image.shape)


@AUGMENTS.register
@per_record
def flip(image: Image, label: Label, key: Key[Array, ""]) -> tuple[Image, Label]:
    """Swaps left and right of every second image, and of its mask."""
    turned = jax.random.bernoulli(key)
    if is_mask(label):
        label = jnp.where(turned, label[:, ::-1], label)
    return jnp.where(turned, image[:, ::-1], image), label
