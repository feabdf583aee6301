"""The median of the cells near the border."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from ..typing import Array
from .catalogue import (
    MODES,
    check_float,
    check_whole,
    sum_dtype,
)


@MODES.register(laws=("interior", "identity", "flip", "transforms", "dtype"))
def median(
    x: Array, widths: Sequence[tuple[int, int]], *, cells: int | None = None
) -> Array:
    """mmm|abcd|mmm

    The median of the axis, or of its outermost `cells`: a background level that a few
    outliers do not move. NumPy's median, where `cells` is stat_length. The gradient
    is shared by the cells that have the middle value.
    """
    check_float("median", x)
    if cells is not None:
        check_whole("median", "cells", cells)
    if cells is not None and cells < 1:
        raise ValueError(f"cells={cells}: expected at least 1, or None for all.")
    for axis, (lo, hi) in enumerate(widths):
        if lo == hi == 0:
            continue
        n = x.shape[axis]
        count = n if cells is None else min(cells, n)
        before = _middle(lax.slice_in_dim(x, 0, count, axis=axis), axis)
        after = _middle(lax.slice_in_dim(x, n - count, n, axis=axis), axis)
        sides = [(before, lo), (after, hi)]
        before, after = (
            jnp.broadcast_to(m, (*x.shape[:axis], width, *x.shape[axis + 1 :]))
            for m, width in sides
        )
        x = lax.concatenate([before, x, after], axis)
    return x


@functools.partial(jax.jit, static_argnums=1)
def _middle(x: Array, axis: int) -> Array:
    """The median along an axis, which stays with one cell.

    The gradient of a sort is a gather and a scatter-add. Here the sort only finds the
    two middle values, and the gradient goes to the cells that equal them.
    """
    n, dtype = x.shape[axis], x.dtype
    x = x.astype(sum_dtype(dtype))  # a half type cannot count the cells that are equal
    ordered = lax.sort(lax.stop_gradient(x), dimension=axis)
    middles = []
    for rank in ((n - 1) // 2, n // 2):
        value = lax.slice_in_dim(ordered, rank, rank + 1, axis=axis)
        equal = x == value
        # Zero everywhere, but with the gradient of the cells' mean.
        shift = jnp.sum(jnp.where(equal, x - value, 0), axis, keepdims=True)
        share = jnp.sum(equal, axis, keepdims=True).astype(x.dtype)
        middles.append(value + shift / share)
    # Halved before, since the sum may overflow.
    return (middles[0] / 2 + middles[1] / 2).astype(dtype)
