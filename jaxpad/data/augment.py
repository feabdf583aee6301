"""Augmentations: pure functions of (images, key), run inside the jitted step."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Key

from ..registry import Registry
from ..typing import Array


AUGMENTS: Registry = Registry("augmentation")

Images = Float[Array, "batch h w c"]


@AUGMENTS.register
def none(images: Images, key: Key[Array, ""]) -> Images:
    """The images as they are."""
    return images


@AUGMENTS.register
def shift(images: Images, key: Key[Array, ""], *, pixels: int = 1) -> Images:
    """Moves each image by up to `pixels` along each axis; zeros come in.

    Args:
        images: `[batch, h, w, c]`.
        key: from which each image gets its own.
        pixels: largest distance.

    Returns:
        Images of the same shape.
    """
    height, width = images.shape[1:3]
    border = ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0))
    canvas = jnp.pad(images, border)

    def crop(image: Array, key: Array) -> Array:
        row, column = jax.random.randint(key, (2,), 0, 2 * pixels + 1)
        size = (height, width, image.shape[-1])
        return jax.lax.dynamic_slice(image, (row, column, 0), size)

    return jax.vmap(crop)(canvas, jax.random.split(key, len(images)))
