"""Magnitude maps of feature maps, and the share of low frequencies."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from ...conv.geometry import check_image
from ...padding import sum_dtype
from ...typing import Array, Image
from .waves import outer


def spectrum(x: Image) -> Complex[Array, "batch *space channels"]:
    """The Fourier transform over the space axes, not normalised.

    Args:
        x: `[batch, *space, channels]` with 1, 2 or 3 space axes.

    Returns:
        Complex, of x's shape.

    Raises:
        ValueError: for another number of axes.
        TypeError: for an image of whole numbers.

    Example:
        >>> spectrum(jnp.ones((1, 4, 1)))[0, :, 0].real
        Array([4., 0., 0., 0.], dtype=float32)
    """
    x = check_image("spectrum", x, x.ndim - 2)
    x = x.astype(sum_dtype(x.dtype))  # there is no transform of half types
    return jnp.fft.fftn(x, axes=range(1, x.ndim - 1))


def log_magnitude(x: Image) -> Float[Array, "*space"]:
    """A map of the frequencies of feature maps, frequency 0 in the middle.

    `log10 sqrt(mean |F x|^2)`, the mean over images and channels.

    Args:
        x: `[batch, *space, channels]`.

    Returns:
        `[*space]`; frequency `f` of `n` is at `f + n // 2`. Minus infinity where there
        is nothing.

    Raises:
        ValueError, TypeError: as `spectrum`.

    Example:
        >>> log_magnitude(jnp.ones((2, 4, 3)))
        Array([ -inf,  -inf, 0.602,  -inf], dtype=float32)
    """
    energy = jnp.mean(jnp.abs(spectrum(x)) ** 2, axis=(0, -1))
    return jnp.fft.fftshift(jnp.log10(energy) / 2)


def low_share(x: Image) -> Float[Array, " batch"]:
    """The share of each image's energy at low frequencies, channels summed.

    Low are the frequencies from `-n / 8` up to, but not, `n / 8` along each axis of `n`
    cells. White noise has a share of about 1/4 for each axis, 1/16 for two.

    Args:
        x: `[batch, *space, channels]`.

    Returns:
        `[batch]`, from 0 to 1; NaN for an image of zeros.

    Raises:
        ValueError, TypeError: as `spectrum`.

    Example:
        >>> low_share(jnp.ones((1, 8, 8, 1)))
        Array([1.], dtype=float32)

    `p_low` in "Defects of Convolutional Decoder Networks in Frequency Representation",
    Tang et al., 2023.
    """
    energy = jnp.sum(jnp.abs(spectrum(x)) ** 2, axis=-1)
    low = outer([_low(n) for n in energy.shape[1:]])
    axes = range(1, energy.ndim)
    kept = jnp.where(low[None], energy, 0)
    return kept.sum(axis=axes) / energy.sum(axis=axes)


def _low(size: int) -> np.ndarray:
    cells = np.arange(size)
    return (8 * cells < size) | (8 * cells >= 7 * size)
