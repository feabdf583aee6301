"""Weighted sums of the cells of one axis, from slice, reverse and concatenate."""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..typing import Array


# A padding cell as a weighted sum of real cells plus a constant.
Number = int | float
Terms = tuple[Sequence[tuple[Number, int]], Number]
# The same as a rule may write it: a range stands for each of its cells.
Runs = tuple[Sequence[tuple[Number, int | range]], Number]
Rows = Sequence[Sequence[tuple[Number, int]]]

# Sums of up to so many cells are made term by term, many cells at a time.
FEW = 4


def sums_of_cells(x: Array, axis: int, sums: Sequence[Terms]) -> list[Array]:
    """Weighted sums of the cells of one axis, as arrays to be concatenated."""
    # Cells with as many terms each are made together; most modes have one group.
    groups = itertools.groupby(sums, key=lambda s: len(s[0]))
    return [_weighted(x, axis, list(group)) for _, group in groups]


def sum_dtype(dtype: Any) -> Any:
    """What to sum in: XLA sums in the type of its input, and a half type would lose
    most of many cells."""
    half = jnp.issubdtype(dtype, jnp.inexact) and dtype.itemsize < 4
    return jnp.dtype(jnp.float32) if half else dtype


def _weighted(x: Array, axis: int, sums: list[Terms]) -> Array:
    rows, constants = [terms for terms, _ in sums], [constant for _, constant in sums]
    if not rows[0]:
        size = (*x.shape[:axis], len(sums), *x.shape[axis + 1 :])
        return jnp.broadcast_to(_along(constants, x.ndim, axis, x.dtype), size)
    if not any(constants) and all(len(r) == 1 and r[0][0] == 1 for r in rows):
        return _take(x, axis, [index for ((_, index),) in rows])
    total = _total(x, axis, rows)
    if any(constants):
        total = total + _along(constants, x.ndim, axis, total.dtype)
    return total.astype(x.dtype)


def _total(x: Array, axis: int, rows: Rows) -> Array:
    sums = _long_sums if len(rows[0]) > FEW else _short_sums
    # With weights of at most 1, since 2a may overflow where 2a - b does not. A power of
    # 2 rounds nothing.
    scale = _scale(rows) if jnp.issubdtype(x.dtype, jnp.inexact) else 1
    if scale == 1:
        return sums(x, axis, rows)
    return scale * sums(x, axis, [[(w / scale, i) for w, i in row] for row in rows])


def _scale(rows: Rows) -> float:
    """The power of 2, at least 1, that no weight exceeds."""
    largest = max(abs(weight) for terms in rows for weight, _ in terms)
    return math.ldexp(1.0, math.ceil(math.log2(max(1, largest))))


def _short_sums(x: Array, axis: int, rows: Rows) -> Array:
    """Sums of few cells: the first terms of all, plus the second ones of all, ..."""
    columns = zip(*rows, strict=True)
    parts = [_scaled(x, axis, terms) for terms in columns]
    return functools.reduce(lambda a, b: a + b, parts)


def _long_sums(x: Array, axis: int, rows: Rows) -> Array:
    """Sums of many cells; one that several padding cells share is made once."""
    made = []
    for terms, equal in itertools.groupby(rows):
        part = _scaled(x, axis, terms)
        total = jnp.sum(part, axis, keepdims=True, dtype=part.dtype)
        size = (*x.shape[:axis], len(list(equal)), *x.shape[axis + 1 :])
        made.append(jnp.broadcast_to(total, size))
    return made[0] if len(made) == 1 else lax.concatenate(made, axis)


def _scaled(x: Array, axis: int, terms: Sequence[tuple[Number, int]]) -> Array:
    """The cells that the terms name, each times its weight, in the type of sums."""
    dtype = sum_dtype(x.dtype)
    weights = _along([weight for weight, _ in terms], x.ndim, axis, dtype)
    part = _take(x, axis, [index for _, index in terms]).astype(dtype)
    return part if all(weight == 1 for weight, _ in terms) else part * weights


def _along(numbers: list[Number], rank: int, axis: int, dtype: Any) -> Array:
    """The numbers as an array along one axis."""
    shape = [1] * rank
    shape[axis] = len(numbers)
    return jnp.asarray(_exact(numbers, dtype).reshape(shape))


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
    with np.errstate(over="ignore"):
        if not np.all(_held(exact, dtype)):
            raise ValueError(_cannot_hold(numbers, dtype))
        return exact.astype(dtype)


def _held(exact: np.ndarray, dtype: Any) -> np.ndarray:
    """Which numbers an array can hold, apart from rounding."""
    if jnp.issubdtype(dtype, jnp.inexact):
        return np.isfinite(exact.astype(dtype)) | ~np.isfinite(exact)
    limits = jnp.iinfo(dtype) if jnp.issubdtype(dtype, jnp.integer) else None
    lo, hi = (limits.min, limits.max) if limits else (0, 1)  # of booleans
    return np.clip(np.round(exact), lo, hi) == exact


def _cannot_hold(numbers: list[Number], dtype: Any) -> str:
    return (
        f"this mode fills cells with {numbers}, which an array of {dtype} "
        "cannot hold; convert it first, for example with x.astype(jnp.float32)."
    )
