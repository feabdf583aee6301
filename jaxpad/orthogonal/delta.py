"""A start for trained kernels: orthogonal, and nothing but a centre tap."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..typing import Array, PerAxis
from .architecture import Architecture
from .kernel import feasible, merge_groups, orthonormal


def delta_orthogonal(
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    noise: float = 0.0,
) -> Callable[..., Array]:
    """An initializer whose kernels are orthogonal with as few taps as that takes.

    At stride 1 the centre tap is a random matrix with orthonormal rows or columns and
    the others are 0; at stride `S` a centred block of `S` taps along each axis is one.
    Any numbers of channels will do that orthogonal kernels exist for. Undilated the
    block reads exactly the cells of one stride, so with the amount "same" the kernel is
    orthogonal under every padding but "partial".

    It is a start from which the loss `lorth` leads square layers (as many outputs as
    input numbers) to orthogonal kernels. From independent numbers many runs stop at
    kernels whose determinant winds unevenly, and so may some with a noise near 1: see
    `jaxpad.orthogonal.winding`, which tells before the training.

    Args:
        stride, dilation, groups: of the layer.
        noise: how much of Glorot and Bengio's normal initializer is added to all taps:
            0 leaves the kernel orthogonal, 0.5 a determinant that winds evenly.

    Returns:
        A flax initializer: `(key, shape, dtype=float32) -> kernel`, where shape is
        `[*window, in / groups, out]`.

    Raises:
        ValueError: by the initializer, if there is no such kernel, with the reason of
            `exists`.

    Example:
        >>> init = delta_orthogonal()
        >>> kernel = init(jax.random.key(0), (3, 8, 4))
        >>> jnp.sum(kernel**2, axis=1).round(5)
        Array([[0., 0., 0., 0.],
               [1., 1., 1., 1.],
               [0., 0., 0., 0.]], dtype=float32)

    "Dynamical Isometry and a Mean Field Theory of CNNs", Xiao et al., 2018, for stride
    1 and no fewer outputs than inputs.
    """

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        *window, per_group, out = shape
        features = (per_group * groups, out)
        arch = feasible(*features, tuple(window), stride, dilation, groups)
        tap, rest = jax.random.split(key)
        kernel = _centred(tap, arch, dtype)
        if not noise:
            return kernel
        deviation = (2 / (math.prod(window) * (arch.inputs + arch.outputs))) ** 0.5
        return kernel + noise * deviation * jax.random.normal(rest, shape, dtype)

    return init


def _centred(key: Array, arch: Architecture, dtype: Any) -> Array:
    blocks = [axis.block for axis in arch.axes]
    shape = (arch.groups, math.prod(blocks) * arch.inputs, arch.outputs)
    # QR has no half precision.
    whole = jnp.float32 if jnp.finfo(dtype).bits < 32 else dtype
    block = orthonormal(jax.random.normal(key, shape, whole))
    block = block.reshape(arch.groups, *blocks, arch.inputs, arch.outputs)
    left = [axis.taps - axis.block for axis in arch.axes]
    widths = [(n // 2, n - n // 2) for n in left]
    return jnp.pad(merge_groups(block), [*widths, (0, 0), (0, 0)]).astype(dtype)
