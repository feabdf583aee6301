"""Penalties that look at a kernel in other ways than `lorth`."""

import numbers

import jax.numpy as jnp
from jaxtyping import Float

from ..padding import Padding
from ..spectral import read_kernel, read_operator
from ..spectral.bound import bound, bound_for_every_size
from ..typing import Amount, Array, Kernel, Mode, PerAxis
from .gram import distance
from .lorth import REGULARIZERS, forward_kernel, transposed_size


@REGULARIZERS.register
def kernel_orthogonality(
    kernel: Kernel, *, groups: int = 1, transpose: bool = False
) -> Float[Array, ""]:
    """`||W W^T - I||_F^2` of the kernel as a matrix, `[out, window * in]`.

    The product of the smaller side is taken. It knows nothing of the convolution:
    windows that overlap are not compared, and a zero here is none of `lorth`'s, except
    where they do not overlap (a stride of the window's size).

    Args:
        kernel: `[*window, in / groups, out]`, or with `transpose` `[*window, in,
            out / groups]`.
        groups: of channels, each with a matrix of its own.
        transpose: whether the layer is a transposed convolution.

    Returns:
        A number of the kernel's dtype, float32 at least.

    Raises:
        ValueError: for a kernel of the wrong shape, or that is not finite.

    Example:
        >>> kernel_orthogonality(jnp.eye(4).reshape(2, 2, 1, 4))
        Array(0., dtype=float32)

    "Can We Gain More from Orthogonality Regularizations in Training Deep CNNs?",
    Bansal et al., 2018.
    """
    kernel, groups = read_kernel(
        "kernel_orthogonality", forward_kernel(kernel, transpose), groups
    )
    matrices = kernel.reshape(-1, groups, kernel.shape[-1] // groups)
    matrices = jnp.swapaxes(matrices, 0, 1)  # [groups, window * in, out]
    wide = matrices.shape[-1] <= matrices.shape[-2]
    return distance(jnp.swapaxes(matrices, -1, -2) if wide else matrices).sum()


@REGULARIZERS.register
def spectral_norm(
    kernel: Kernel,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "circular",
    size: PerAxis | None = None,
    transpose: bool = False,
    amount: Amount = "same",
    free: float = 0.0,
) -> Float[Array, ""]:
    """`max(0, ||K|| - free)^2` with the norm of the convolution, not of its kernel.

    The norm is `jaxpad.spectral.norm`'s bound, about 1% an axis too large: 544 small
    eigenvalue problems for a 3x3 kernel, whatever the image; for hundreds of channels
    that is much beside a training step.

    Args:
        kernel: `[*window, in / groups, out]`, or with `transpose` `[*window, in,
            out / groups]`.
        stride, dilation, groups, padding, amount, size: as in `jaxpad.spectral.norm`.
        transpose: whether the layer is the transposed convolution, whose norm is that
            of the convolution.
        free: norm that costs nothing; 1 asks for a 1-Lipschitz layer.

    Returns:
        A number of the kernel's dtype, float32 at least.

    Raises:
        ValueError: as `jaxpad.spectral.norm`, or for a negative `free`.

    Example:
        >>> kernel = jnp.ones((3, 1, 1))
        >>> spectral_norm(kernel, size=8).round(2)
        Array(9.04, dtype=float32)
        >>> spectral_norm(kernel, size=8, free=4.0)
        Array(0., dtype=float32)

    "Spectral Norm Regularization for Improving the Generalizability of Deep Learning",
    Yoshida and Miyato, 2017, with the norm of the reshaped kernel.
    """
    if not isinstance(free, numbers.Real) or not free >= 0:
        raise ValueError(
            f"spectral_norm: free={free!r}: expected a number of 0 or more."
        )
    kernel, groups = read_kernel(
        "spectral_norm", forward_kernel(kernel, transpose), groups
    )
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    options |= {"groups": groups, "amount": amount}
    if size is None:
        found = bound_for_every_size(kernel, **options)
    else:
        if transpose:
            steps = {k: options[k] for k in ("stride", "dilation", "padding", "amount")}
            size = transposed_size(kernel, size, **steps)
        found = bound(read_operator("spectral_norm", kernel, size, **options))
    return jnp.square(jnp.maximum(found - free, 0))
