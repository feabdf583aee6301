"""Sums of waves over a window."""

import functools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex

from ...conv.arguments import whole, window_of
from ...conv.geometry import per_axis
from ...typing import Array, PerAxis


def dirichlet(taps: int, size: int) -> Complex[Array, " size"]:
    """The frequency response of a window of ones along one axis.

    `D[f] = sum_{t < taps} exp(2 pi i f t / size)`, which is
    `sin(pi f taps / size) / sin(pi f / size)` in magnitude, and `taps` at 0.

    Args:
        taps: cells of the window; it may be longer than the axis.
        size: cells of the axis.

    Returns:
        Complex `[size]`.

    Example:
        >>> dirichlet(2, 4).round(3)
        Array([2.+0.j, 1.+1.j, 0.+0.j, 1.-1.j], dtype=complex64)
    """
    return jnp.asarray(wave_sum(whole("taps", taps), whole("size", size)))


def gradient_coupling(window: Sequence[int], size: PerAxis) -> Complex[Array, "*size"]:
    """How a step of gradient descent at one frequency moves the response at others.

    With `G[f]` the derivative of the loss by the conjugate of the response at `f`, as
    if each frequency had weights of its own, a step on the weights moves the response
    by

    `dT[f] = -step cells sum_{f'} chi[f - f'] G[f']`, `chi[d] = prod D[d] / cells`,

    where `D` is `jaxpad.spectral.propagate.dirichlet`. A window as large as the image
    has `chi` 1 at 0 and 0 elsewhere: its frequencies learn alone.

    Args:
        window: taps along each axis.
        size: cells of the image along each axis.

    Returns:
        Complex `[*size]`, by the difference of two frequencies modulo the size.

    Example:
        >>> gradient_coupling((4,), 4).round(3)
        Array([1.+0.j, 0.+0.j, 0.+0.j, 0.+0.j], dtype=complex64)

    Corollary 3.4 of "Defects of Convolutional Decoder Networks in Frequency
    Representation", Tang et al., 2023, whose quotient of sines is 0 / 0 at 0.
    """
    window = window_of("window", window)
    sizes = per_axis("size", size, len(window))
    axes = [wave_sum(k, n) for k, n in zip(window, sizes, strict=True)]
    return jnp.asarray(outer(axes) / np.prod(sizes))


def wave_sum(taps: int, size: int) -> np.ndarray:
    """`dirichlet` in float64, whatever the default."""
    # Multiples of the size are taken off as whole numbers: exact for long windows.
    frequency = np.arange(size)
    turns = np.multiply.outer(frequency, np.arange(taps)) % size
    waves = np.exp(2j * np.pi * turns / size).sum(axis=1)
    # One that goes round a whole number of times sums to 0, which rounding hides.
    closed = (frequency > 0) & (frequency * taps % size == 0)
    return np.where(closed, 0, waves)


def outer(axes: Sequence[np.ndarray]) -> np.ndarray:
    """The product of one factor for each axis, `[*sizes]`."""
    return functools.reduce(np.multiply.outer, axes)
