"""Affine maps of one image and its mask, to the nearest pixel.

A map is a matrix [2, 3] from the centre (x, y) of a pixel of the result to a point of
the image, as in PIL; x counts columns. What comes from outside is grey in the image,
255 in the mask.
"""

import math

import jax.numpy as jnp
from jaxtyping import Float

from ...typing import Array
from ..records import IGNORE
from .compose import Image, Label, is_mask


Scalar = float | Float[Array, ""]
Matrix = Float[Array, "2 3"]

_GREY = 128 / 255  # what the published code of RandAugment fills with


def identity() -> Matrix:
    """Every pixel stays."""
    return jnp.eye(2, 3)


def rotate(degrees: Scalar, size: tuple[int, ...]) -> Matrix:
    """About the centre of `[height, width]`, counter-clockwise."""
    angle = jnp.asarray(-degrees * math.pi / 180, jnp.float32)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    y, x = (n / 2 for n in size)
    return _matrix([cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y])


def shear_x(slope: Scalar) -> Matrix:
    """Each row is taken from `slope` columns further right than the row above."""
    return _matrix([1, slope, 0, 0, 1, 0])


def shear_y(slope: Scalar) -> Matrix:
    """Each column is taken from `slope` rows further down than the one before."""
    return _matrix([1, 0, 0, slope, 1, 0])


def translate_x(pixels: Scalar) -> Matrix:
    """Pixels are taken from so many columns further right."""
    return _matrix([1, 0, pixels, 0, 1, 0])


def translate_y(pixels: Scalar) -> Matrix:
    """Pixels are taken from so many rows further down."""
    return _matrix([1, 0, 0, 0, 1, pixels])


def warp(image: Image, label: Label, matrix: Matrix) -> tuple[Image, Label]:
    """Moves an image and its mask by the same map.

    Args:
        image: `[h, w, c]`.
        label: a mask `[h, w]` moves too; a row of classes stays.
        matrix: from the result's pixel centres to points of the image.

    Returns:
        Image and label of the same shapes.

    Example:
        >>> image = jnp.arange(3.0).reshape(1, 3, 1) / 255
        >>> moved, _ = warp(image, jnp.ones(2), translate_x(1.0))
        >>> [round(float(v) * 255) for v in moved.ravel()]
        [1, 2, 128]
    """
    height, width = image.shape[:2]
    y, x = (jnp.arange(n, dtype=jnp.float32) + 0.5 for n in (height, width))
    column, row = (
        jnp.floor(a * x[None, :] + (b * y + c)[:, None]).astype(jnp.int32)
        for a, b, c in matrix
    )
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    place = jnp.clip(row, 0, height - 1), jnp.clip(column, 0, width - 1)
    if is_mask(label):
        label = jnp.where(inside, label[place], IGNORE)
    return jnp.where(inside[..., None], image[place], _GREY), label


def _matrix(rows: list) -> Matrix:
    return jnp.stack([jnp.asarray(v, jnp.float32) for v in rows]).reshape(2, 3)
