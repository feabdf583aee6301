"""Colour operations on one image, float 0 to 1, which equal PIL's within rounding.

PIL computes on bytes and rounds after every operation; here nothing is rounded.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from ...typing import Array
from .compose import Image


Scalar = float | Float[Array, ""]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as PIL's "L"


def brightness(image: Image, factor: Scalar) -> Image:
    """`factor * image`: 0 is black, 1 the image."""
    return jnp.clip(factor * image, 0, 1)


def contrast(image: Image, factor: Scalar) -> Image:
    """Between the mean grey (0) and the image (1), or beyond."""
    return _between(jnp.full_like(image, jnp.mean(grey(image))), image, factor)


def colour(image: Image, factor: Scalar) -> Image:
    """Between the grey image (0) and the image (1), or beyond."""
    return _between(jnp.broadcast_to(grey(image), image.shape), image, factor)


def sharpness(image: Image, factor: Scalar) -> Image:
    """Between the smoothed image (0) and the image (1), or beyond; not the border."""
    height, width = image.shape[:2]
    near = [
        image[row : height - 2 + row, column : width - 2 + column]
        for row in range(3)
        for column in range(3)
    ]
    centre = image[1:-1, 1:-1]
    smooth = image.at[1:-1, 1:-1].set((sum(near, 4 * centre)) / 13)
    return _between(smooth, image, factor)


def autocontrast(image: Image) -> Image:
    """Stretches each channel from its darkest and brightest pixel to 0 and 1."""
    low, high = (f(image, axis=(0, 1), keepdims=True) for f in (jnp.min, jnp.max))
    reach = high - low
    return jnp.where(reach > 0, (image - low) / jnp.where(reach > 0, reach, 1), image)


def posterize(image: Image, bits: int) -> Image:
    """Keeps the highest bits of eight of each pixel."""
    step = 2 ** (8 - bits)
    return (_levels(image) // step * step).astype(image.dtype) / 255


def solarize(image: Image, threshold: float) -> Image:
    """Inverts the pixels at and above a threshold; above 1 none."""
    return jnp.where(image < threshold, image, 1 - image)


def equalize(image: Image) -> Image:
    """Makes the histogram of each channel flat, over 256 levels, as PIL does."""
    flat = _levels(image).reshape(-1, image.shape[-1])
    levels = jax.vmap(_equalize, in_axes=1, out_axes=1)(flat)
    return levels.reshape(image.shape).astype(image.dtype) / 255


def _equalize(levels: Int[Array, " pixels"]) -> Int[Array, " pixels"]:
    counts = jnp.zeros(256, jnp.int32).at[levels].add(1)
    step = (levels.size - counts[jnp.max(levels)]) // 255
    table = (step // 2 + jnp.cumsum(counts) - counts) // jnp.maximum(step, 1)
    return jnp.where(step > 0, jnp.minimum(table, 255)[levels], levels)


def to_hsv(image: Image) -> Image:
    """Hue, saturation and value, each 0 to 1; of grey pixels the hue is 0."""
    red, green, blue = jnp.moveaxis(image, -1, 0)
    value, low = jnp.max(image, -1), jnp.min(image, -1)
    reach = value - low
    safe = jnp.where(reach > 0, reach, 1)
    # Not `value == red`: a compiler may compute the two with different rounding.
    sixths = jnp.select(
        [reach == 0, (red >= green) & (red >= blue), green >= blue],
        [jnp.zeros_like(value), (green - blue) / safe, (blue - red) / safe + 2],
        (red - green) / safe + 4,
    )
    saturation = reach / jnp.where(value > 0, value, 1)
    return jnp.stack([sixths / 6 % 1, saturation, value], -1)


def from_hsv(hsv: Image) -> Image:
    """Red, green and blue of hue, saturation and value, 0 to 1."""
    hue, saturation, value = jnp.moveaxis(hsv, -1, 0)

    def channel(n: int) -> Array:
        k = (n + 6 * hue) % 6
        return value * (1 - saturation * jnp.clip(jnp.minimum(k, 4 - k), 0, 1))

    return jnp.stack([channel(5), channel(3), channel(1)], -1)


def grey(image: Image) -> Float[Array, "h w 1"]:
    """The luma of each pixel.

    Raises:
        ValueError: for images of neither one nor three channels.
    """
    check_channels(image)
    if image.shape[-1] == 1:
        return image
    weights = jnp.asarray(_LUMA, image.dtype).reshape(1, 1, 3)
    return jnp.sum(image * weights, -1, keepdims=True)


def check_channels(image: Image) -> None:
    """Raises unless the image is grey, or red, green and blue.

    Raises:
        ValueError: with the number of channels.
    """
    if image.shape[-1] not in (1, 3):
        raise ValueError(
            f"colour operations take images of 1 or 3 channels, but these have "
            f"{image.shape[-1]}: leave them out of config.augment."
        )


def _between(zero: Image, one: Image, factor: Scalar) -> Image:
    return jnp.clip(zero + factor * (one - zero), 0, 1)


def _levels(image: Image) -> Int[Array, "h w c"]:
    return jnp.round(image * 255).astype(jnp.int32)
