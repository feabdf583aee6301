"""Random erasing: a rectangle of noise."""

import jax
import jax.numpy as jnp
from jaxtyping import Key

from ...typing import Array
from .compose import AUGMENTS, Image, Label, per_record
from .mix import box, refuse_masks


_TRIES = 10


@AUGMENTS.register
@per_record
def random_erasing(
    image: Image,
    label: Label,
    key: Key[Array, ""],
    *,
    probability: float = 0.5,
    area: tuple[float, float] = (0.02, 0.4),
    aspect: float = 0.3,
) -> tuple[Image, Label]:
    """Fills a rectangle with uniform noise.

    "Random Erasing Data Augmentation", Zhong et al., 2017. Of ten rectangles the
    first that fits is taken; if none fits the image stays.

    Args:
        image: `[h, w, c]` of each record.
        label: `[classes]` of each record; it stays.
        key: of the record.
        probability: part of the images that are touched.
        area: smallest and largest part of the image that is filled.
        aspect: smallest height by width; the largest is its inverse.

    Returns:
        Image and label of the same shapes.

    Raises:
        ValueError: if masks come.
    """
    refuse_masks("random_erasing", label)
    coin, sizes, place, noise = jax.random.split(key, 4)
    height, width, fits = _rectangle(sizes, image.shape[:2], area, aspect)
    down, right = jax.random.uniform(place, (2,))
    top = jnp.floor(down * (image.shape[0] - height + 1))
    left = jnp.floor(right * (image.shape[1] - width + 1))
    chosen = box(image.shape[:2], (top, top + height), (left, left + width))
    chosen &= fits & jax.random.bernoulli(coin, probability)
    filled = jax.random.uniform(noise, image.shape, image.dtype)
    return jnp.where(chosen[..., None], filled, image), label


def _rectangle(
    key: Array, size: tuple[int, ...], area: tuple[float, float], aspect: float
) -> tuple[Array, Array, Array]:
    """Height and width of the first of some rectangles that fits; whether one did."""
    one, two = jax.random.split(key)
    limits = {"minval": area[0], "maxval": area[1]}
    pixels = size[0] * size[1] * jax.random.uniform(one, (_TRIES,), **limits)
    ratio = jax.random.uniform(two, (_TRIES,), minval=aspect, maxval=1 / aspect)
    height, width = jnp.round(jnp.sqrt(pixels * ratio)), jnp.sqrt(pixels / ratio)
    width = jnp.round(width)
    fits = (height < size[0]) & (width < size[1])
    chosen = jnp.argmax(fits)
    return height[chosen], width[chosen], fits[chosen]
