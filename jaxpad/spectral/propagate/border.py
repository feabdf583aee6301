"""Where frequencies go at a border that is not circular."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from ...conv.arguments import whole
from ...conv.geometry import per_axis
from ...padding import Padding
from ...typing import Amount, AnyArray, Array, Kernel, Mode, PerAxis
from ..matrix import dense, shape_of
from ..operator import read_operator


def leakage(
    kernel: Kernel,
    size: PerAxis,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "zero",
    amount: Amount = "same",
) -> Complex[Array, "*frequencies_and_features"]:
    """What each frequency of the input gives to each of the output, exactly.

    `h[g] = sum_f A[g, f] x[f]` with `A = F K F^-1` and `K` the dense matrix of
    `jaxpad.conv`. Under circular padding at stride 1 it is diagonal in the
    frequencies. Any other border mixes them.

    Args:
        kernel: `[*window, in / groups, out]`.
        size: cells of the input along each axis; the result has its square.
        stride, dilation, groups, padding, amount: as in `jaxpad.conv`.

    Returns:
        Complex `[*out_frequencies, out, *in_frequencies, in]`.

    Raises:
        ValueError: as `jaxpad.spectral.conv_matrix`.

    Example:
        >>> A = leakage(jnp.ones((2, 1, 1)), 2, padding="zero")
        >>> A[:, 0, :, 0].real
        Array([[ 1.5, -0.5],
               [ 0.5,  0.5]], dtype=float32)

    "Defects of Convolutional Decoder Networks in Frequency Representation", Tang et
    al., 2023, proves the diagonal of circular padding and the mixing of "valid".
    """
    operator = read_operator(
        "leakage",
        kernel,
        size,
        stride=stride,
        dilation=dilation,
        groups=groups,
        padding=padding,
        amount=amount,
    )
    window, rank = operator.window, len(operator.window.space)
    features = shape_of(operator)[1] // int(np.prod(window.space))
    outputs, space = window.outputs, window.space
    matrix = dense(operator).reshape(*outputs, -1, *space, features)
    # F^-1 is symmetric: from the right it is the inverse transform of the rows.
    matrix = jnp.fft.fftn(matrix, axes=range(rank))
    return jnp.fft.ifftn(matrix, axes=range(rank + 1, 2 * rank + 1))


def pad_leakage(
    size: int, widths: tuple[int, int], mode: Mode
) -> Complex[Array, "padded size"]:
    """What padding one axis makes of each of its frequencies.

    `y[g] = sum_f A[g, f] x[f]`, where the padded axis counts from its first padding
    cell. Of an affine mode (constant) it is the linear part.

    Args:
        size: cells of the axis.
        widths: cells added before and after.
        mode: as in `jaxpad.pad`, for one axis.

    Returns:
        Complex `[size + lo + hi, size]`.

    Raises:
        ValueError: for a width that the mode cannot fill, or a mode that is not
            linear.

    Example:
        >>> jnp.abs(pad_leakage(2, (0, 2), "circular"))
        Array([[2., 0.],
               [0., 0.],
               [0., 2.],
               [0., 0.]], dtype=float32)
    """
    one = jnp.ones((1, 1, 1))
    full = leakage(one, whole("size", size), padding=mode, amount=widths)
    return full[:, 0, :, 0]


def own_share(
    matrix: Complex[AnyArray, "..."], *, stride: PerAxis = 1
) -> Float[Array, "*in_frequencies"]:
    """The share of each input frequency's output energy that is at its own frequency.

    `s[f] = |A[own(f), f]|^2 / sum_g |A[g, f]|^2`, channels summed; 1 where frequencies
    do not mix. If the output has another size, `own(f)` is its nearest frequency.

    Args:
        matrix: from `leakage`.
        stride: that of the convolution.

    Returns:
        `[*in_frequencies]`, from 0 to 1; NaN for a frequency of which nothing is left.

    Example:
        >>> kernel = jnp.ones((3, 1, 1)) / 3
        >>> own_share(leakage(kernel, 8, padding="zero"))[:4].round(1)
        Array([1. , 1. , 0.8, 0.2], dtype=float32)
    """
    rank = matrix.ndim // 2 - 1
    outputs, space = matrix.shape[:rank], matrix.shape[rank + 1 : -1]
    strides = per_axis("stride", stride, rank)
    energy = jnp.sum(jnp.abs(jnp.asarray(matrix)) ** 2, axis=(rank, matrix.ndim - 1))
    own: list[Any] = [
        _own(n, m, s) for n, m, s in zip(space, outputs, strides, strict=True)
    ]
    at = np.ix_(*own) + np.ix_(*map(np.arange, space))
    return energy[at] / energy.sum(axis=range(rank))


def _own(size: int, outputs: int, stride: int) -> np.ndarray:
    """The output frequency nearest to each of the input; of two the lower one."""
    turns = np.fft.fftfreq(size, 1 / size) * stride * outputs / size
    nearest = np.sign(turns) * np.ceil(np.abs(turns) - 0.5)
    return nearest.astype(int) % outputs
