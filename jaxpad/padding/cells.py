"""Weighted sums of the cells of one axis, from slice, reverse and concatenate."""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..typing import Array


# A padding cell as a weighted sum of real cells plus a constant.
Number = int | float
Terms = tuple[Sequence[tuple[Number, int]], Number]

# Sums of up to so many cells are made term by term, many cells at a time.
FEW = 4


def sums_of_cells(x: Array, axis: int, sums: Sequence[Terms]) -> list[Array]:
    """Weighted sums of the cells of one axis, as arrays to be concatenated."""
    # Cells with as many terms each are made together; most modes have one group.
    groups = itertools.groupby(sums, key=lambda s: len(s[0]))
    return [_weighted(x, axis, list(group)) for _, group in groups]


def _weighted(x: Array, axis: int, sums: list[Terms]) -> Array:
    shape = [1] * x.ndim
    shape[axis] = len(sums)
    offset = _exact([constant for _, constant in sums], x.dtype).reshape(shape)
    size = (*x.shape[:axis], len(sums), *x.shape[axis + 1 :])
    if not sums[0][0]:
        return jnp.broadcast_to(jnp.asarray(offset), size)
    if len(sums[0][0]) > FEW:
        total = _long_sums(x, axis, [terms for terms, _ in sums])
    else:
        columns = zip(*(terms for terms, _ in sums), strict=True)
        parts = [_scaled(x, axis, terms) for terms in columns]
        total = functools.reduce(lambda a, b: a + b, parts)
    return total + jnp.asarray(offset) if np.any(offset != 0) else total


def _scaled(x: Array, axis: int, terms: Sequence[tuple[Number, int]]) -> Array:
    """The cells that the terms name, each times its weight."""
    shape = [1] * x.ndim
    shape[axis] = len(terms)
    numbers = [weight for weight, _ in terms]
    if x.dtype == jnp.bool_ and any(weight != 1 for weight in numbers):
        raise ValueError(_cannot_hold(numbers, x.dtype))
    weights = _exact(numbers, x.dtype).reshape(shape)
    part = _take(x, axis, [index for _, index in terms])
    return part if np.all(weights == 1) else part * jnp.asarray(weights)


def _long_sums(x: Array, axis: int, sums: list[Sequence[tuple[Number, int]]]) -> Array:
    """Sums of many cells; one that several padding cells share is made once."""
    made = []
    for terms, equal in itertools.groupby(sums):
        total = jnp.sum(_scaled(x, axis, terms), axis, keepdims=True, dtype=x.dtype)
        size = (*x.shape[:axis], len(list(equal)), *x.shape[axis + 1 :])
        made.append(jnp.broadcast_to(total, size))
    return made[0] if len(made) == 1 else lax.concatenate(made, axis)


def _take(x: Array, axis: int, index: list[int]) -> Array:
    """Cells of `x` by static index, from slice, reverse and concatenate.

    A gather would do, but its gradient is a scatter-add: slow everywhere, and on a
    GPU not deterministic.
    """
    pieces = []
    for first, step, count in _runs(index):
        last = first + step * (count - 1)
        lo, hi = min(first, last), max(first, last) + 1
        piece = lax.slice_in_dim(x, lo, hi, axis=axis)
        if step == 0:
            shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
            piece = jnp.broadcast_to(piece, shape)
        pieces.append(lax.rev(piece, (axis,)) if step == -1 else piece)
    return pieces[0] if len(pieces) == 1 else lax.concatenate(pieces, axis)


def _runs(index: list[int]) -> list[tuple[int, int, int]]:
    """Splits positions into runs `(first, step, count)` with step -1, 0 or 1."""
    runs: list[tuple[int, int, int]] = []
    for i in index:
        if runs:
            first, step, count = runs[-1]
            if count == 1 and abs(i - first) <= 1:
                runs[-1] = (first, i - first, 2)
                continue
            if count > 1 and i == first + step * count:
                runs[-1] = (first, step, count + 1)
                continue
        runs.append((i, 1, 1))
    return runs


def _exact(numbers: list[Number], dtype: Any) -> np.ndarray:
    """The numbers in `dtype`; an integer image takes only whole ones in its range."""
    exact = np.asarray(numbers, np.float64)
    whole = jnp.iinfo(dtype) if jnp.issubdtype(dtype, jnp.integer) else None
    if whole and np.any(np.clip(np.round(exact), whole.min, whole.max) != exact):
        raise ValueError(_cannot_hold(exact.tolist(), dtype))
    return exact.astype(dtype)


def _cannot_hold(numbers: list[Number], dtype: Any) -> str:
    return (
        f"this mode fills cells with {numbers}, which an array of {dtype} "
        "cannot hold; convert it first, for example with x.astype(jnp.float32)."
    )
