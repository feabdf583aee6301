"""What zero padding and upsampling do to each frequency."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from ...conv.geometry import per_axis
from ...typing import AnyArray, Array, PerAxis
from .waves import outer, wave_sum


def zero_pad_tau(size: PerAxis, padded: PerAxis) -> Float[Array, "*padded"]:
    """How far zeros after an image spread its mean over the other frequencies.

    If the cells are independent, of mean `a` and variance `s^2`, the padded image has
    `E |H[f]|^2 = cells s^2 + a^2 tau[f]^2` at every frequency but 0, where it has what
    it had before. Without the zeros the second term is 0 there. So only the mean is
    spread: an image of mean 0 is not changed.

    `tau[f] = prod |sin(pi f size / padded) / sin(pi f / padded)|`, and 0 at 0.

    Args:
        size: cells of the image along each axis.
        padded: cells after padding, as many numbers as size.

    Returns:
        `[*padded]`.

    Raises:
        ValueError: if the padded image is smaller than the image.

    Example:
        >>> zero_pad_tau(2, 4)
        Array([0.   , 1.414, 0.   , 1.414], dtype=float32)

    Theorem 4.3 of "Defects of Convolutional Decoder Networks in Frequency
    Representation", Tang et al., 2023, whose proof needs independent cells.
    """
    rank = len(size) if isinstance(size, (tuple, list)) else 1
    sizes, wholes = per_axis("size", size, rank), per_axis("padded", padded, rank)
    if any(m < n for n, m in zip(sizes, wholes, strict=True)):
        raise ValueError(
            f"zero_pad_tau: padded={wholes} is smaller than size={sizes}; padding adds "
            "cells: expected at least as many along each axis."
        )
    axes = [np.abs(wave_sum(n, m)) for n, m in zip(sizes, wholes, strict=True)]
    tau = outer(axes)
    tau[(0,) * rank] = 0
    return jnp.asarray(tau)


def upsample(
    spectrum: Complex[AnyArray, "batch *size channels"],
    scale: PerAxis = 2,
    method: str = "zero",
) -> Complex[Array, "batch *enlarged channels"]:
    """The spectrum of the enlarged image.

    `H[f] = R[f] G[f mod size]`: the spectrum is repeated `scale` times along each axis,
    and the method says how much of each copy is left.

    Args:
        spectrum: complex `[batch, *size, channels]`.
        scale: output cells for each cell.
        method: as in `jaxpad.spectral.propagate.upsampling`.

    Returns:
        Complex `[batch, *size * scale, channels]`.

    Raises:
        ValueError: for an unknown method.

    Example:
        >>> upsample(jnp.array([3.0, 1.0])[None, :, None].astype(complex))[0, :, 0].real
        Array([3., 1., 3., 1.], dtype=float32)
    """
    size = spectrum.shape[1:-1]
    scales = per_axis("scale", scale, len(size))
    spectrum = jnp.asarray(spectrum)
    response = upsampling(size, scales, method).astype(spectrum.dtype)
    return jnp.tile(spectrum, (1, *scales, 1)) * response[None, ..., None]


def upsampling(
    size: PerAxis, scale: PerAxis = 2, method: str = "zero"
) -> Complex[Array, "*enlarged"]:
    """How much of the repeated spectrum is left at each frequency of the enlarged one.

    Args:
        size: cells of the image along each axis.
        scale: output cells for each cell.
        method: "zero" puts zeros between the cells, so all of it is left; "nearest"
            repeats cells, and "bilinear" interpolates between their centers, both as
            `jaxpad.resize_conv` does under circular padding.

    Returns:
        Complex `[*size * scale]`.

    Raises:
        ValueError: for an unknown method.

    Example:
        >>> abs(upsampling(3, 2, "nearest")).round(3)
        Array([2.   , 1.732, 1.   , 0.   , 1.   , 1.732], dtype=float32)

    Theorem 4.4 of "Defects of Convolutional Decoder Networks in Frequency
    Representation", Tang et al., 2023, has the zeros.
    """
    rank = len(size) if isinstance(size, (tuple, list)) else 1
    sizes, scales = per_axis("size", size, rank), per_axis("scale", scale, rank)
    axes = [_along(n, s, method) for n, s in zip(sizes, scales, strict=True)]
    return jnp.asarray(outer(axes))


def _along(size: int, scale: int, method: str) -> np.ndarray:
    """One axis: the transform of what one cell becomes."""
    total = size * scale
    match method:
        case "zero":
            return np.ones(total, complex)
        case "nearest":
            return wave_sum(scale, total).conj()
        case "bilinear":
            return _bilinear(size, scale)
    raise ValueError(f'method={method!r}: expected "zero", "nearest" or "bilinear".')


def _bilinear(size: int, scale: int) -> np.ndarray:
    phases = np.arange(scale)
    offset = (phases + 0.5) / scale - 0.5  # from the cell's center, in cells
    angles = 2 * np.pi * np.arange(size * scale)[:, None] / (size * scale)
    there = np.exp(1j * angles * scale * np.sign(offset))
    weights = 1 - np.abs(offset) + np.abs(offset) * there
    return (np.exp(-1j * angles * phases) * weights).sum(axis=1)
