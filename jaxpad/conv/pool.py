"""Pooling in which the padding is an argument."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax
from jaxtyping import Bool, Shaped

from ..padding import Padding, as_padding, sum_dtype
from ..typing import Amount, AnyArray, Array, Image, Mode, PerAxis
from .arguments import window_of
from .geometry import Geometry, check_image, finish, geometry
from .mask import finish_masked, mask_out
from .shards import Widths, windowed


def max_pool(
    x: Image,
    window: Sequence[int],
    *,
    stride: PerAxis | None = None,
    padding: Mode | Padding = "zero",
    amount: Amount = "valid",
    mask: Bool[AnyArray, "batch *space one_or_channels"] | None = None,
) -> Shaped[Array, "batch *out_space channels"]:
    """The largest value in each window; absent cells (mode zero) never win.

    `y[o] = max_t pad(x)[o stride + t]`.

    Args:
        x: `[batch, *space, channels]`, floating point.
        window: cells of the window along each space axis.
        stride: cells between windows; None means the window itself.
        padding: as in `jaxpad.conv`.
        amount: as in `jaxpad.conv`.
        mask: as in `jaxpad.conv`; a masked cell never wins.

    Returns:
        `[batch, *out_space, channels]`, of x's dtype; minus infinity where a window
        sees no cell.

    Raises:
        ValueError, TypeError: as `jaxpad.conv`.

    Example:
        >>> x = -jnp.ones((1, 4, 4, 1))
        >>> max_pool(x, (3, 3), stride=2, amount="half")[0, 0, :, 0]
        Array([-1., -1.], dtype=float32)
    """
    x, geo, padding = _read("max_pool", x, window, stride, padding, amount)
    if mask is not None:
        x, _ = mask_out(x, mask, geo, padding, x.shape[-1], hole=-math.inf)

    def largest(x: Array, absent: Widths) -> Array:
        sizes = _everywhere(geo)
        return lax.reduce_window(x, -jnp.inf, lax.max, *sizes, padding=_all(absent))

    return windowed(largest, x, window=geo, padding=padding, absent=-math.inf)


def avg_pool(
    x: Image,
    window: Sequence[int],
    *,
    stride: PerAxis | None = None,
    padding: Mode | Padding = "zero",
    amount: Amount = "valid",
    mask: Bool[AnyArray, "batch *space one_or_channels"] | None = None,
) -> Shaped[Array, "batch *out_space channels"]:
    """The sum of each window over its size; with "partial", over the cells there.

    `y[o] = r[o] / |window| sum_t pad(x)[o stride + t]`, `r` as in `jaxpad.conv`. So
    "zero" counts the padded cells as zeros (PyTorch's count_include_pad=True) and
    "partial" leaves them out (False, and TensorFlow's rule). A window that does not
    fit makes no output; PyTorch's ceil_mode is more cells after: `amount=(1, 2)` with
    "partial" in place of 1.

    Args:
        x: `[batch, *space, channels]`, floating point.
        window: cells of the window along each space axis.
        stride: cells between windows; None means the window itself.
        padding: as in `jaxpad.conv`.
        amount: as in `jaxpad.conv`.
        mask: as in `jaxpad.conv`; the mean is over the cells that are there.

    Returns:
        `[batch, *out_space, channels]`, of x's dtype.

    Raises:
        ValueError, TypeError: as `jaxpad.conv`.

    Example:
        >>> x = jnp.ones((1, 4, 4, 1))
        >>> avg_pool(x, (2, 2), stride=2, amount=1, padding="partial")[0, 0, :, 0]
        Array([1., 1., 1.], dtype=float32)
    """
    x, geo, padding = _read("avg_pool", x, window, stride, padding, amount)
    count = None
    if mask is not None:
        x, count = mask_out(x, mask, geo, padding, x.shape[-1])

    def total(x: Array, zeros: Widths) -> Array:
        wide, sizes = x.astype(sum_dtype(x.dtype)), _everywhere(geo)
        return lax.reduce_window(wide, 0.0, lax.add, *sizes, padding=_all(zeros))

    y = windowed(total, x, window=geo, padding=padding) / math.prod(geo.window)
    if count is not None:
        y = finish_masked(y, count, geo, padding, None)
    else:
        y = finish(y, geo, padding, None)
    return y.astype(x.dtype)


def _read(
    name: str,
    x: Image,
    window: Sequence[int],
    stride: PerAxis | None,
    padding: Mode | Padding,
    amount: Amount,
) -> tuple[Array, Geometry, Padding]:
    window = window_of("window", window)
    x, padding = check_image(name, x, len(window)), as_padding(padding)
    amount = amount if padding.amount is None else padding.amount
    stride = window if stride is None else stride
    return x, geometry(x.shape[1:-1], window, stride, 1, amount), padding


def _all(widths: Widths) -> tuple:
    return ((0, 0), *widths, (0, 0))


def _everywhere(geo: Geometry) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return (1, *geo.window, 1), (1, *geo.stride, 1)
