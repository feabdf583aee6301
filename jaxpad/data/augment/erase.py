"""Random erasing: a rectangle of noise."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Key

from ...typing import Array
from .compose import AUGMENTS, Image, Label, Number, check_option, per_record
from .mix import box, refuse_masks


_TRIES = 10


@AUGMENTS.register
@per_record
def random_erasing(
    image: Image,
    label: Label,
    key: Key[Array, ""],
    *,
    probability: Number = 0.5,
    area: tuple[Number, Number] = (0.02, 0.4),
    aspect: Number = 0.3,
) -> tuple[Image, Label]:
    """Fills a rectangle with uniform noise.

    "Random Erasing Data Augmentation", Zhong et al., 2017. Of ten rectangles the
    first that fits is taken; if none fits the image stays.

    Args:
        image: `[h, w, c]` of each record.
        label: `[classes]` of each record; it stays.
        key: of the record.
        probability: part of the images that are touched, 0 to 1.
        area: smallest and largest part of the image that is filled, 0 to 1.
        aspect: smallest height by width, at most 1; the largest is its inverse.

    Returns:
        Image and label of the same shapes.

    Raises:
        ValueError: if masks come, or for an option out of range.
    """
    refuse_masks("random_erasing", label)
    pair = np.shape(area) == (2,) and 0 <= area[0] <= area[1] <= 1
    for option, value, fine, expected in (
        ("probability", probability, 0 <= probability <= 1, "0 to 1"),
        ("area", area, pair, "a smallest and a largest part, 0 to 1"),
        ("aspect", aspect, 0 < aspect <= 1, "more than 0 and at most 1"),
    ):
        check_option(fine, f"random_erasing's {option}", value, expected)
    size = image.shape[:2]
    choices, noise = jax.random.split(key)
    coin, down, right, *sizes = jax.random.uniform(choices, (3 + 2 * _TRIES,))
    areas, ratios = jnp.stack(sizes).reshape(2, _TRIES)
    areas = size[0] * size[1] * (area[0] + (area[1] - area[0]) * areas)
    ratios = aspect + (1 / aspect - aspect) * ratios
    height, width, fits = _first_that_fits(areas, ratios, size)
    top = jnp.floor(down * (size[0] - height + 1))
    left = jnp.floor(right * (size[1] - width + 1))
    chosen = box(size, (top, top + height), (left, left + width))
    chosen &= fits & (coin < probability)
    filled = jax.random.uniform(noise, image.shape, image.dtype)
    return jnp.where(chosen[..., None], filled, image), label


def _first_that_fits(
    areas: Array, ratios: Array, size: tuple[int, ...]
) -> tuple[Array, Array, Array]:
    """Height and width of the first rectangle that fits; whether one did."""
    height = jnp.round(jnp.sqrt(areas * ratios))
    width = jnp.round(jnp.sqrt(areas / ratios))
    fits = (height < size[0]) & (width < size[1])
    first = jnp.argmax(fits)
    return height[first], width[first], fits[first]
