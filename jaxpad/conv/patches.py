"""Patches: the cells of every window, side by side (unfold, im2col)."""

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Shaped

from ..arith import span
from ..padding import Padding, as_padding
from ..typing import Amount, Array, Image, Mode, PerAxis
from .arguments import window_of
from .geometry import check_image, finish, geometry, tap
from .shards import Widths, windowed


def patches(
    x: Image,
    window: Sequence[int],
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    padding: Mode | Padding = "zero",
    amount: Amount = "same",
) -> Shaped[Array, "batch *out_space taps_channels"]:
    """The cells of every window, so that a convolution is one matrix product.

    `y[o, t channels + c] = r[o] pad(x)[o stride + t dilation, c]`, the taps `t` in
    row-major order. So `conv(x, kernel)` is `patches(x, window)` times
    `kernel.reshape(-1, out)`. `r` is 1 or partial convolution's ratio.

    Args:
        x: `[batch, *space, channels]` with 1, 2 or 3 space axes, floating point.
        window: taps of the window along each space axis.
        stride, dilation, padding, amount: as in `jaxpad.conv`.

    Returns:
        `[batch, *out_space, prod(window) * channels]`, of x's dtype.

    Raises:
        ValueError, TypeError: as `jaxpad.conv`.

    Example:
        >>> x = jnp.arange(1.0, 5.0)[None, :, None]
        >>> patches(x, (3,), padding="circular")[0]
        Array([[4., 1., 2.],
               [1., 2., 3.],
               [2., 3., 4.],
               [3., 4., 1.]], dtype=float32)
    """
    window = window_of("window", window)
    x, padding = check_image("patches", x, len(window)), as_padding(padding)
    amount = amount if padding.amount is None else padding.amount
    geo = geometry(x.shape[1:-1], window, stride, dilation, amount)

    # Copies, where lax.conv_general_dilated_patches multiplies by ones and zeros:
    # infinite cells stay alone, and no product is rounded.
    def taken(x: Array, _: Widths) -> Array:
        outputs = [
            (n - span(k, dilation)) // stride + 1
            for n, (_, k, stride, dilation, *_) in zip(
                x.shape[1:-1], geo.axes(), strict=True
            )
        ]
        cells = []
        for taps in itertools.product(*map(range, geo.window)):
            cell = x
            for axis, t in enumerate(taps):
                start, step = t * geo.dilation[axis], geo.stride[axis]
                cell = tap(cell, axis + 1, start, step, outputs[axis])
            cells.append(cell)
        return jnp.concatenate(cells, -1)

    y = windowed(taken, x, window=geo, padding=padding, everywhere=True)
    return finish(y, geo, padding, None)
