"""Photometric distortion, as segmentation recipes use it; the mask stays."""

import jax
import jax.numpy as jnp
from jaxtyping import Key

from ...typing import Array
from .colours import Scalar, brightness as scaled, check_channels, from_hsv, to_hsv
from .compose import AUGMENTS, Image, Label, Number, check_option, per_record


@AUGMENTS.register
@per_record
def photometric(
    image: Image,
    label: Label,
    key: Key[Array, ""],
    *,
    brightness: Number = 32 / 255,
    contrast: Number = 0.5,
    saturation: Number = 0.5,
    hue: Number = 0.1,
) -> tuple[Image, Label]:
    """Changes brightness, contrast, saturation and hue, each of half of the images.

    Brightness adds, contrast and saturation multiply, hue turns. Contrast comes
    after brightness or, in half of the images, last. The defaults are those of
    "SSD", Liu et al., 2016, and of recipes for Cityscapes since (a hue of 18 in
    OpenCV's half degrees).

    Args:
        image: `[h, w, c]` of each record, of 1 or 3 channels.
        label: `[classes]` or a mask; it stays.
        key: of the record.
        brightness: largest change, part of full scale, 0 to 1.
        contrast: largest change of the factor 1, 0 to 1.
        saturation: largest change of the factor 1, 0 to 1.
        hue: largest change, turns, 0 to 0.5.

    Returns:
        Image and label of the same shapes.

    Raises:
        ValueError: for a change out of range, or other channels.
    """
    for name, value, most in (
        ("brightness", brightness, 1),
        ("contrast", contrast, 1),
        ("saturation", saturation, 1),
        ("hue", hue, 0.5),
    ):
        fine = 0 <= value <= most
        check_option(fine, f"photometric's {name}", value, f"0 to {most}")
    check_channels(image)
    reach = (brightness, contrast, saturation, hue)
    one, two = jax.random.split(key)
    on = jax.random.bernoulli(one, shape=(5,))
    draws = jax.random.uniform(two, (4,), image.dtype, -1, 1)
    add, times, vivid, turn = jnp.where(on[:4], draws, 0) * jnp.asarray(
        reach, image.dtype
    )
    first, last = jnp.where(on[4], times, 0), jnp.where(on[4], 0, times)
    image = scaled(jnp.clip(image + add, 0, 1), 1 + first)
    image = _recolour(image, 1 + vivid, turn)
    return scaled(image, 1 + last), label


def _recolour(image: Image, factor: Scalar, turn: Scalar) -> Image:
    """Multiplies saturation, and turns hue; grey images have neither."""
    if image.shape[-1] == 1:
        return image
    hue, saturation, value = jnp.moveaxis(to_hsv(image), -1, 0)
    saturation = jnp.clip(factor * saturation, 0, 1)
    return from_hsv(jnp.stack([(hue + turn) % 1, saturation, value], -1))
