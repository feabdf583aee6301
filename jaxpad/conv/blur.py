"""Blur pooling: smoothing before subsampling, so that a shift moves the output."""

import math

import jax.numpy as jnp
from jaxtyping import Shaped

from ..padding import Padding, as_padding, sum_dtype
from ..typing import Amount, Array, Image, Mode, PerAxis
from .arguments import whole
from .geometry import check_image, finish, geometry, tap
from .shards import Widths, windowed


def blur_pool(
    x: Image,
    *,
    stride: PerAxis = 2,
    taps: int = 3,
    padding: Mode | Padding = "reflect",
    amount: Amount = "half",
) -> Shaped[Array, "batch *out_space channels"]:
    """Each channel smoothed by a binomial window, then every `stride`-th cell.

    `y[o] = r[o] sum_t w[t] . pad(x)[o stride + t]`, `w` the product over the axes of
    `binomial(taps - 1, t) / 2 ** (taps - 1)`, and `r` as in `jaxpad.conv`.

    Args:
        x: `[batch, *space, channels]` with 1, 2 or 3 space axes, floating point.
        stride: cells between windows.
        taps: cells of the window along each axis: 3 is `[1, 2, 1] / 4`.
        padding: as in `jaxpad.conv`.
        amount: as in `jaxpad.conv`.

    Returns:
        `[batch, *out_space, channels]`, of x's dtype.

    Raises:
        ValueError, TypeError: as `jaxpad.conv`.

    Example:
        >>> x = jnp.array([0.0, 0.0, 4.0, 0.0, 0.0, 0.0])[None, :, None]
        >>> blur_pool(x)[0, :, 0]
        Array([0., 2., 0.], dtype=float32)
        >>> blur_pool(jnp.roll(x, 1, axis=1))[0, :, 0]
        Array([0., 1., 1.], dtype=float32)

    "Making Convolutional Networks Shift-Invariant Again", Zhang, 2019.
    """
    x, taps = jnp.asarray(x), whole("taps", taps)
    rank = x.ndim - 2
    x, padding = check_image("blur_pool", x, rank), as_padding(padding)
    amount = amount if padding.amount is None else padding.amount
    geo = geometry(x.shape[1:-1], (taps,) * rank, stride, 1, amount)

    # XLA's depthwise convolution is slower than these sums of slices, axis by axis.
    def blurred(x: Array, _: Widths) -> Array:
        y = x.astype(sum_dtype(x.dtype))
        for axis in range(rank):
            y = _blur(y, axis + 1, taps, geo.stride[axis])
        return y.astype(x.dtype)

    y = windowed(blurred, x, window=geo, padding=padding, everywhere=True)
    return finish(y, geo, padding, None)


def _blur(x: Array, axis: int, taps: int, stride: int) -> Array:
    total, outputs = jnp.zeros((), x.dtype), (x.shape[axis] - taps) // stride + 1
    for t in range(taps):
        weight = math.comb(taps - 1, t) / 2 ** (taps - 1)
        total = total + weight * tap(x, axis, t, stride, outputs)
    return total
