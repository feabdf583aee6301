"""Partial convolution's reweighting: what to do about cells that are not there.

A window at the border sees fewer cells than one inside, so its sum is smaller.
Partial convolution multiplies it by how much is missing ("Partial Convolution
based Padding", Liu et al., 2018). Which cells are missing depends only on sizes,
so the ratio is computed while tracing, from one count per output and axis, in exact
integers: no convolution of ones, no cache and no epsilon.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..registry import Registry
from ..typing import Array
from .cells import sum_dtype


REWEIGHTS: Registry[Callable[[Any, int], Any]] = Registry("reweight")


@REWEIGHTS.register
def partial(count, window):
    """window / count: the mean over the cells that are there, times the window.

    Example:
        >>> partial(6, 9)
        1.5
    """
    return window / count


@REWEIGHTS.register
def partial_sqrt(count, window):
    """sqrt(window / count): keeps the variance of the output rather than its mean.

    Example:
        >>> partial_sqrt(4, 9)
        1.5
    """
    return (window / count) ** 0.5


def reweight_ratio(
    counts: Sequence[Sequence[int]], window: Sequence[int], reweight: Any
) -> np.ndarray:
    """The factor of each output: `reweight(count, window)`, and 0 where count is 0.

    Args:
        counts: for each space axis, the taps on existing cells of each output.
        window: taps of the window along each axis.
        reweight: a name in `REWEIGHTS`, or a function of (count, window).

    Returns:
        float64 array `[*out]`, exactly 1 where the whole window exists (for the
        registered reweightings).

    Raises:
        ValueError: for an unknown name, or a function that returns 0.

    Example:
        >>> reweight_ratio([[2, 3, 2], [2, 3, 2]], (3, 3), "partial")[0]
        array([2.25, 1.5 , 2.25])
    """
    function = REWEIGHTS.resolve(reweight)
    count = functools.reduce(np.multiply.outer, [np.asarray(c) for c in counts])
    with jax.ensure_compile_time_eval():  # the function may be written in jnp
        ratio = np.asarray(function(np.maximum(count, 1), int(np.prod(window))))
    if np.any((ratio == 0) & (count > 0)):
        raise ValueError(
            f"reweight={reweight!r} returned 0 for a window that sees cells; 0 stands "
            "for a window that sees none. Return a positive factor."
        )
    return np.where(count > 0, ratio.astype(np.float64), 0.0)


def apply_reweight(y: Array, ratio: np.ndarray, bias: Array | None) -> Array:
    """`y * ratio + bias`, and 0 where the ratio is 0, bias included.

    Args:
        y: `[batch, *out, channels]`.
        ratio: `[*out]`; 0 marks a window that sees no cell.
        bias: `[channels]`, or None.
    """
    dtype = sum_dtype(y.dtype)  # a ratio may be beyond the range of a half type
    half = dtype != y.dtype
    if bias is not None:
        bias = jnp.expand_dims(bias, range(y.ndim - 1))
    # Before the ratio, divided by it, the bias lets its gradient and the convolution's
    # read one array: after it, the backward pass writes a second one. But a half type
    # would round the quotient.
    if bias is not None and not half:
        y = y + _times(bias, _inverse(ratio))
    y = _times(y.astype(dtype), ratio).astype(y.dtype)
    if bias is not None and half:
        y = y + _times(bias, ratio != 0)
    return y


def _inverse(ratio: np.ndarray) -> np.ndarray:
    """`1 / ratio`, and 0 where the ratio is 0."""
    return np.divide(1.0, ratio, out=np.zeros_like(ratio), where=ratio != 0)


def _times(x: Array, factor: np.ndarray) -> Array:
    if np.all(factor == 1):
        return x
    return x * jnp.asarray(factor[None, ..., None], x.dtype)
