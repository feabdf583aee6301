"""A convolution on a torus, one small matrix per frequency."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex

from ..conv.geometry import per_axis
from ..typing import Array, Kernel, PerAxis
from .operator import read_kernel


def transfer(
    kernel: Kernel,
    size: PerAxis,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Complex[Array, "*frequencies groups out_per_group in_phases"]:
    """The frequency response of a circular convolution, for any stride.

    `y(w) = T(w) x(w)` where `x(w)` stacks the Fourier transforms of the image's
    `prod(stride)` phases (polyphase components), and output `o` reads the cells
    `o stride + t dilation`. With the orthonormal transform on both sides the
    convolution is exactly the block diagonal of all `T(w)`, so theirs are its singular
    values. Cells that wrap add up: any size is exact, also one below the window's.

    Args:
        kernel: `[*window, in / groups, out]`.
        size: cells of the image along each axis, which the stride divides.
        stride: cells between windows.
        dilation: cells between taps.
        groups: of channels.

    Returns:
        Complex `[*size / stride, groups, out / groups, in / groups * prod(stride)]`;
        the input's channels are the last axis's slow part, the phases its fast one.

    Raises:
        ValueError: if the stride does not divide the size.

    Example:
        >>> T = transfer(jnp.ones((2, 1, 1)), 4)
        >>> T[:, 0, 0, 0].round(3)
        Array([2.+0.j, 1.+1.j, 0.-0.j, 1.-1.j], dtype=complex64)

    "The Singular Values of Convolutional Layers", Sedghi et al., 2019, has stride 1.
    """
    kernel, groups = read_kernel("transfer", kernel, groups)
    rank = kernel.ndim - 2
    sizes, strides = per_axis("size", size, rank), per_axis("stride", stride, rank)
    if any(n % s for n, s in zip(sizes, strides, strict=True)):
        raise ValueError(
            f"transfer: size={sizes} is no multiple of stride={strides}, so the "
            "windows do not go round; jaxpad.spectral.conv_matrix takes any size."
        )
    angles = [
        2 * np.pi * np.arange(n // s) / (n // s)
        for n, s in zip(sizes, strides, strict=True)
    ]
    return responses(kernel, angles, stride=stride, dilation=dilation, groups=groups)


def responses(
    kernel: Array,
    angles: Sequence[np.ndarray],
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Array:
    """`transfer` at any frequencies: for each axis some angles, in radians an output.

    Returns:
        Complex `[*len(angles), groups, out / groups, in / groups * prod(stride)]`.
    """
    *window, per_group, out = kernel.shape
    rank = len(window)
    strides = per_axis("stride", stride, rank)
    dilations = per_axis("dilation", dilation, rank)
    y = kernel.reshape(*window, per_group, groups, out // groups)
    # To [*frequencies, *phases, in, groups, out]: each step turns the first axis, of
    # taps, into a last pair (frequency, phase).
    dtype = jnp.complex128 if y.dtype == jnp.float64 else jnp.complex64
    for waves in map(_waves, angles, window, strides, dilations):
        waves = jnp.asarray(waves, dtype)
        y = jnp.tensordot(y.astype(dtype), waves, (0, 0), precision="highest")
    features = (0, 1, 2)
    order = [*range(3, y.ndim, 2), features[1], features[2], features[0]]
    y = y.transpose(*order, *range(4, y.ndim, 2))
    return y.reshape(*y.shape[: rank + 2], -1)


def _waves(angles: np.ndarray, taps: int, stride: int, dilation: int) -> np.ndarray:
    """`[taps, angles, phases]`: what each tap adds to which phase at a frequency."""
    block, phase = np.divmod(dilation * np.arange(taps), stride)
    waves = np.exp(1j * np.multiply.outer(block, angles))
    return waves[..., None] * np.eye(stride)[phase][:, None, :]
