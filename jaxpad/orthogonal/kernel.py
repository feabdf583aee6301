"""Orthogonal kernels as functions of free parameters."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Shaped

from ..typing import Array, PerAxis
from .architecture import Architecture, architecture
from .exists import exists


class Free(NamedTuple):
    """Free parameters of an orthogonal kernel: matrices of full rank, of any scale.

    Attributes:
        base: `[groups, rows, columns]`, made orthonormal: the kernel of one block of
            taps, `stride` along each axis.
        turns: `[groups, turns, features, ceil(features / 2)]`, each made orthonormal:
            what spreads the block over one more tap.
    """

    base: Shaped[Array, "groups rows columns"]
    turns: Shaped[Array, "groups turns features half"]


def orthogonal_parameters(
    key: Array,
    in_features: int,
    out_features: int,
    kernel_size: Sequence[int],
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    dtype: Any = jnp.float32,
) -> Free:
    """Random free parameters for `orthogonal_kernel` with the same arguments.

    Args:
        key: of the draw.
        in_features, out_features, kernel_size, stride, dilation, groups: as in
            `orthogonal_kernel`.
        dtype: float32 or float64.

    Returns:
        Normal numbers, with which the bases are uniform.

    Raises:
        ValueError: if there is no such kernel, with the reason of `exists`.

    Example:
        >>> free = orthogonal_parameters(jax.random.key(0), 4, 8, (3, 3))
        >>> free.base.shape, free.turns.shape
        ((1, 8, 8), (1, 4, 8, 4))
    """
    arch = feasible(in_features, out_features, kernel_size, stride, dilation, groups)
    base, turns = _shapes(arch)
    first, second = jax.random.split(key)
    return Free(
        jax.random.normal(first, base, dtype), jax.random.normal(second, turns, dtype)
    )


def orthogonal_kernel(
    free: Free,
    in_features: int,
    out_features: int,
    kernel_size: Sequence[int],
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Shaped[Array, "*window in_per_group out"]:
    """The kernel of a convolution with all singular values 1 under circular padding.

    A block of `stride` taps that is an orthonormal matrix, then for each tap more along
    an axis a step `K[t] <- P K[t] + (I - P) K[t - 1]`, where `P` projects onto half of
    the channels: `P + (I - P) e^{iw}` is unitary at each frequency `w`, so nothing is
    lost. With `M` outputs, `C` inputs in each group and `K` the convolution's matrix,
    `K K^T = I` if `M <= C prod(stride)`, else `K^T K = I`.

    Halves are rounded down and up in turn, so that at stride 1 and an odd window the
    kernel moves the image as much as a centre tap does: its determinant winds as often.
    Kernels of another winding are not reached; `jaxpad.orthogonal.winding` tells them
    apart.

    A transposed convolution takes the kernel of the one that it transposes: its
    in_features are out_features here. `jnp.swapaxes(kernel, -1, -2)` is then what
    `jaxpad.conv_transpose` takes.

    Args:
        free: from `orthogonal_parameters` with these arguments, or trained.
        in_features: channels of the input.
        out_features: channels of the output.
        kernel_size: taps, one int per space axis.
        stride: cells between windows.
        dilation: cells between taps.
        groups: of channels; each is a convolution of its own.

    Returns:
        `[*window, in / groups, out]`, of free's dtype; in float32 the singular values
        are within 1e-5 of 1.

    Raises:
        ValueError: if there is no such kernel, with the reason of `exists`, or for
            free parameters of other shapes.

    Example:
        >>> free = orthogonal_parameters(jax.random.key(0), 2, 8, (3, 3), stride=2)
        >>> kernel = orthogonal_kernel(free, 2, 8, (3, 3), stride=2)
        >>> kernel.shape
        (3, 3, 2, 8)
        >>> jnp.sum(kernel**2, axis=(0, 1, 2)).round(5)
        Array([1., 1., 1., 1., 1., 1., 1., 1.], dtype=float32)

    "Preventing Gradient Attenuation in Lipschitz Constrained Convolutional Networks",
    Li et al., 2019 (BCOP, stride 1); "An Adaptive Orthogonal Convolution Scheme for
    Efficient and Flexible CNN Architectures", Boissin et al., 2025 (strides).
    """
    arch = feasible(in_features, out_features, kernel_size, stride, dilation, groups)
    came = (free.base.shape, free.turns.shape)
    if came != _shapes(arch):
        raise ValueError(
            f"free holds arrays of shapes {came}; for {arch.described} expected "
            f"{_shapes(arch)}, as orthogonal_parameters with the same arguments makes."
        )
    with jax.default_matmul_precision("highest"):  # not TF32, nor bfloat16 passes
        kernels = jax.vmap(lambda one: _group(one, arch))(free)
    return merge_groups(kernels)


def merge_groups(kernels: Array) -> Array:
    """From `[groups, *window, in, out]` to `[*window, in, groups * out]`."""
    kernels = jnp.moveaxis(kernels, 0, -2)
    return kernels.reshape(*kernels.shape[:-2], -1)


def feasible(*shape: Any) -> Architecture:
    """Reads the arguments of `exists` but the padding.

    Raises:
        ValueError: if there is no orthogonal kernel, with the reason.
    """
    found = exists(*shape)
    if not found:
        raise ValueError(f"There is no orthogonal kernel: {found.reason}")
    return architecture(*shape)


def _blocks(arch: Architecture) -> tuple[int, ...]:
    return tuple(axis.block for axis in arch.axes)


def _turned(arch: Architecture) -> list[int]:
    """Taps along each axis beyond the block's."""
    return [axis.taps - axis.block for axis in arch.axes]


def _middle(arch: Architecture) -> int:
    """Channels between the turns and the block: enough for both to keep everything."""
    return max(arch.inputs, arch.outputs // math.prod(_blocks(arch)))


def _shapes(arch: Architecture) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the base and the turns."""
    middle = _middle(arch)
    rows, half = middle * math.prod(_blocks(arch)), -(-middle // 2)
    turns = sum(_turned(arch))
    return (arch.groups, rows, arch.outputs), (arch.groups, turns, middle, half)


def _group(free: Free, arch: Architecture) -> Array:
    """`[*window, in, out]` of one group."""
    middle = _middle(arch)
    kernel = orthonormal(free.base).reshape(*_blocks(arch), middle, arch.outputs)
    bases, turn = orthonormal(free.turns), 0
    for axis, more in enumerate(_turned(arch)):
        for _ in range(more):
            half = (middle + turn % 2) // 2  # one down, one up
            kernel = _turn(kernel, bases[turn, :, :half], axis)
            turn += 1
    return kernel[..., : arch.inputs, :]


def _turn(kernel: Array, basis: Array, axis: int) -> Array:
    """The kernel after `P + (I - P) shift`, with `P` onto the basis: one tap longer."""
    kept = basis @ (basis.T @ kernel)
    widths = [(0, 0, 0)] * kernel.ndim
    after, before = list(widths), list(widths)
    after[axis], before[axis] = (0, 1, 0), (1, 0, 0)
    zero = jnp.zeros((), kernel.dtype)
    return lax.pad(kept, zero, after) + lax.pad(kernel - kept, zero, before)


def orthonormal(matrices: Array) -> Array:
    """Orthonormal columns, or rows where there are more columns, that span the same."""
    rows, columns = matrices.shape[-2:]
    if rows < columns:
        return jnp.swapaxes(orthonormal(jnp.swapaxes(matrices, -1, -2)), -1, -2)
    q, r = jnp.linalg.qr(matrices)
    # LAPACK's signs are not continuous in the matrix.
    signs = jnp.sign(jnp.diagonal(r, axis1=-2, axis2=-1))
    return q * jnp.expand_dims(jnp.where(signs == 0, 1, signs), -2)
