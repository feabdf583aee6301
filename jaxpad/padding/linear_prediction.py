"""Linear prediction: each line continues as the autoregression that fits it best."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from ..typing import Array
from .catalogue import (
    MODES,
    as_number,
    check_float,
    check_whole,
    sum_dtype,
)


@MODES.register(laws=("interior", "identity", "flip", "transforms", "dtype"))
def linear_prediction(
    x: Array,
    widths: Sequence[tuple[int, int]],
    *,
    order: int = 2,
    ridge: float = 1e-4,
) -> Array:
    """p2 p1 p0|abcd|q0 q1 q2

    Continues each line by its own autoregression: waves and textures go on as waves.
    The cell outward of x[t-1], x[t-2], ... is `sum_k a[k] x[t-k]`, and the `order`
    coefficients minimise the squared error of that sum inside the line, plus `ridge`
    times the line's power times `|a|^2`. It is differentiable, and takes any width;
    needs n > order. "Linear prediction padding" (Niemitalo et al., 2025) fits one
    predictor for a channel of an image; a mode does not know channels from batches,
    so here each line of cells has a predictor of its own.
    """
    check_float("linear_prediction", x)
    check_whole("linear_prediction", "order", order)
    ridge = as_number("linear_prediction", "ridge", ridge)
    if order < 1 or not ridge > 0:
        raise ValueError(
            f"order={order}, ridge={ridge}: expected an order of at least 1 and a "
            "ridge above 0, which keeps a line that says nothing from dividing by zero."
        )
    for axis, (lo, hi) in enumerate(widths):
        if lo == hi == 0:
            continue
        if x.shape[axis] <= order:
            raise ValueError(
                f"linear_prediction(order={order}) fits lines of at least {order + 1} "
                f"cells, but axis {axis} has n={x.shape[axis]}: use a lower order, or "
                'mode="replicate".'
            )
        x = _extend(x, axis, lo, hi, order, ridge)
    return x


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4, 5))
def _extend(x: Array, axis: int, lo: int, hi: int, order: int, ridge: float) -> Array:
    # Sums of squares need more than half precision has.
    lines = jnp.moveaxis(x.astype(sum_dtype(x.dtype)), axis, -1)
    before = lax.rev(
        _predict(lax.rev(lines, (x.ndim - 1,)), lo, order, ridge), (x.ndim - 1,)
    )
    after = _predict(lines, hi, order, ridge)
    sides = [jnp.moveaxis(side, -1, axis).astype(x.dtype) for side in (before, after)]
    return lax.concatenate([sides[0], x, sides[1]], axis)


def _predict(x: Array, width: int, order: int, ridge: float) -> Array:
    """The `width` cells after the lines `[..., n]`."""
    n = x.shape[-1]
    # The weights do not depend on the scale, but the gradient of a quotient of squares
    # overflows below 1e-10, and a weight times a large cell does too.
    scale = scale_of(jnp.max(jnp.abs(x), -1, keepdims=True))
    unit = x / scale
    late = [unit[..., order - k : n - k] for k in range(order + 1)]
    total = functools.partial(jnp.sum, axis=-1)
    weights = fit(late, total(unit * unit), ridge, total)
    cells = go_on([unit[..., n - 1 - k] for k in range(order)], weights, width)
    return jnp.stack(cells, -1) * scale if width else x[..., :0]


def scale_of(largest: Array) -> Array:
    """About the largest number of each line: both it and its inverse are normal.

    XLA multiplies by the inverse, which beyond 1 / tiny would be flushed to zero.
    """
    tiny = float(jnp.finfo(largest.dtype).tiny)
    largest = lax.stop_gradient(largest)
    return jnp.where(largest > tiny, jnp.minimum(largest, 1 / tiny), 1)


def fit(
    late: list[Array], power: Array, ridge: float, total: Callable[[Array], Array]
) -> list[Array]:
    """The weights of the cells before each, nearest first, that predict it best.

    Args:
        late: the lines themselves, then 1, 2, ... cells late.
        power: the sum of squares of each whole line: else one whose last cell alone is
            large would be fitted by weights without bound.
        ridge: as in the mode.
        total: the sum over the cells of each line.
    """
    past = late[1:]
    gram = [[total(a * b) for b in past] for a in past]
    right = [total(late[0] * b) for b in past]
    # A line of zeros is predicted to stay zero.
    ridged = jnp.where(power > 0, ridge * power, 1)
    for k in range(len(past)):
        gram[k][k] = gram[k][k] + ridged
    return _solve(gram, right)


def go_on(cells: list[Array], weights: list[Array], width: int) -> list[Array]:
    """The `width` cells that follow, from the last ones, nearest first."""
    cells = list(cells)
    for _ in range(width):
        terms = [w * c for w, c in zip(weights, cells[: len(weights)], strict=True)]
        cells.insert(0, functools.reduce(jnp.add, terms))
    return cells[:width][::-1]


def _solve(matrix: list[list[Array]], right: list[Array]) -> list[Array]:
    """Gaussian elimination, each entry an array over all lines.

    Positive definite, so it needs no pivots; elementwise, so lines that are split
    over devices stay where they are, which a batched LAPACK call would not promise.
    """
    size = len(right)
    for k in range(size):
        for j in range(k + 1, size):
            factor = matrix[j][k] / matrix[k][k]
            matrix[j] = [
                a - factor * b for a, b in zip(matrix[j], matrix[k], strict=True)
            ]
            right[j] = right[j] - factor * right[k]
    found: list[Array] = []
    for k in reversed(range(size)):
        known = zip(matrix[k][k + 1 :], found, strict=True)
        found.insert(0, (right[k] - sum(a * b for a, b in known)) / matrix[k][k])
    return found
