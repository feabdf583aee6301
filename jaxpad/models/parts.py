"""Layers as the models use them, and the crop that "valid" asks for."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from flax.nnx.nn.dtypes import promote_dtype

from ..conv.geometry import geometry
from ..layers import Conv
from ..padding import Padding
from ..typing import Array


def conv(
    in_features: int,
    out_features: int,
    kernel: int,
    stride: int = 1,
    dilation: int = 1,
    *,
    padding: Padding,
    use_bias: bool = False,
    dtype: Any,
    rngs: nnx.Rngs,
) -> Conv:
    """A square convolution with the amount "half", started as He et al. (2015)."""
    return Conv(
        in_features,
        out_features,
        (kernel, kernel),
        stride,
        padding=without_border(padding) if kernel == 1 else padding,
        amount="half",
        kernel_dilation=dilation,
        use_bias=use_bias,
        dtype=dtype,
        kernel_init=nnx.initializers.variance_scaling(2.0, "fan_out", "normal"),
        rngs=rngs,
    )


def patches(
    in_features: int,
    out_features: int,
    size: int,
    *,
    padding: Padding,
    dtype: Any,
    rngs: nnx.Rngs,
) -> Conv:
    """One vector for each of the square patches that tile the image."""
    return Conv(
        in_features,
        out_features,
        (size, size),
        size,
        padding=without_border(padding),
        dtype=dtype,
        kernel_init=nnx.initializers.normal(0.02),
        rngs=rngs,
    )


class Shift(nnx.Module):
    """A learned number added to each channel, where a network is to have no norms.

    Args:
        features: channels.
    """

    def __init__(self, features: int):
        self.bias = nnx.Param(jnp.zeros(features))

    def __call__(self, x: Array) -> Array:
        bias = self.bias.astype(x.dtype)
        return x + bias.reshape(*[1] * (x.ndim - 1), -1)


def norm(
    features: int,
    *,
    normed: bool = True,
    momentum: float = 0.9,
    zero_gamma: bool = False,
    dtype: Any,
    rngs: nnx.Rngs,
) -> nnx.BatchNorm | Shift:
    """A batch norm; `momentum` is the old running statistics' share of the new ones.

    It computes in float32 at least, whatever the dtype of what it takes and gives.
    Where nothing is to be `normed`, it is a shift alone.
    """
    if not normed:
        return Shift(features)
    ones, zeros = nnx.initializers.ones_init(), nnx.initializers.zeros_init()
    return nnx.BatchNorm(
        features,
        momentum=momentum,
        scale_init=zeros if zero_gamma else ones,
        dtype=dtype,
        promote_dtype=_widened,
        rngs=rngs,
    )


def _widened(arrays: Any, /, *, dtype: Any = None, inexact: bool = True) -> Any:
    """What a batch norm computes with, in float32 at least.

    Flax's own way rounds scale and shift to bfloat16, and so adds their gradients up in
    it, which on a TPU also takes a pass over the images of its own.
    """
    wide = jnp.float64 if arrays[0].dtype == jnp.float64 else jnp.float32
    return promote_dtype(arrays, dtype=wide, inexact=inexact)


def layer_norm(
    features: int, *, epsilon: float = 1e-6, dtype: Any, rngs: nnx.Rngs
) -> nnx.LayerNorm:
    """A layer norm that computes in float32, as batch norms take their means.

    What follows takes the result in a `dtype` of its own.
    """
    wide = None if dtype is None else jnp.float32
    return nnx.LayerNorm(features, epsilon=epsilon, dtype=wide, rngs=rngs)


def without_border(padding: Padding) -> Padding:
    """The padding of a layer whose windows lie side by side, or are one cell.

    It has no border: an amount that is meant for a 3x3 window is not for it.
    """
    return dataclasses.replace(padding, amount="valid")


def under_windows(x: Array, convs: Sequence[Conv]) -> Array:
    """The pixels from the centre of the first window to before that of one too many.

    With "half" that is the image; with "valid" the windows begin inside the image, and
    a shortcut must begin there too. What the stride skips at the end stays: to leave
    it out would copy the image, and another 1x1 convolution skips it as well.

    Args:
        x: what the first convolution sees, `[batch, height, width, channels]`.
        convs: one after the other.

    Raises:
        ValueError: if the windows reach beyond the image.
    """
    size, start, jump = x.shape[1:3], np.zeros(2, int), np.ones(2, int)
    for layer in convs:
        window = geometry(
            size, layer.kernel_size, layer.strides, layer.kernel_dilation, layer.amount
        )
        before = np.asarray(window.widths)[:, 0]
        reach = np.asarray(window.dilation) * (np.asarray(window.window) - 1) // 2
        start = start + (reach - before) * jump
        size, jump = window.outputs, jump * window.stride
    last = start + (np.asarray(size) - 1) * jump
    if np.any(start < 0) or np.any(last >= x.shape[1:3]):
        raise ValueError(unequal(convs[0].padding))
    stop = np.minimum(last + jump, x.shape[1:3])
    return x[:, start[0] : stop[0], start[1] : stop[1]]


def unequal(padding: Padding) -> str:
    """The message where a padding changes the size of one of two branches."""
    return (
        f"{padding} gives the main branch of a block another size than its shortcut: "
        'use the amount "half" or "valid".'
    )
