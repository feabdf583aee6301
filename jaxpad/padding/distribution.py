"""Distribution padding: means of border patches beyond the border."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..typing import Array
from .catalogue import (
    LAWS,
    MODES,
    check_float,
    check_whole,
    sum_dtype,
)


# Affine in its values, but its gradient stops, so it claims no adjoint either.
@MODES.register(laws=[law for law in LAWS if law != "affine"])
def distribution(
    x: Array,
    widths: Sequence[tuple[int, int]],
    *,
    extension: str = "reflect",
    patch: int = 3,
) -> Array:
    """DCB|abcd|CBA

    Means of patches near the border (B is the mean of abc): a border with the local
    level of the image but without its detail. "reflect" mirrors, as mode reflect, the
    image of means over `patch` cells around each cell; "interpolate" stretches the
    image of one mean per `patch` cells over the padded area, linearly. No gradient
    goes through the added cells. "Distribution Padding in Convolutional Neural
    Networks" (Nguyen et al., 2019) leaves windows that overhang the border open:
    here their mean is of the cells that are there. All padded axes count as space.
    """
    check_float("distribution", x)
    check_whole("distribution", "patch", patch)
    if extension not in ("reflect", "interpolate") or patch < 1:
        raise ValueError(
            f'extension={extension!r}, patch={patch}: expected "reflect" or '
            '"interpolate", and a patch of at least 1 cell.'
        )
    # The added cells are read off a whole image of means: a few small matrix products.
    filled = lax.stop_gradient(x).astype(sum_dtype(x.dtype))
    for axis, (lo, hi) in enumerate(widths):
        if lo == hi == 0:
            continue
        n = x.shape[axis]
        smooth = _local_means(n, patch)
        if extension == "interpolate":
            smooth = _stretch(_coarse_means(n, patch), n + lo + hi)
        filled = _along(smooth, filled, axis)
    if extension == "reflect":
        filled = MODES["reflect"](filled, widths)
    filled = filled.astype(x.dtype)
    there = [n if any(pair) else 1 for n, pair in zip(x.shape, widths, strict=True)]
    inside = np.broadcast_to(np.pad(np.ones(there, bool), widths), filled.shape)
    pairs = [(lo, hi, 0) for lo, hi in widths]
    return jnp.where(inside, lax.pad(x, jnp.zeros((), x.dtype), pairs), filled)


def _along(matrix: np.ndarray, x: Array, axis: int) -> Array:
    y = jnp.tensordot(
        jnp.asarray(matrix, x.dtype), x, axes=(1, axis), precision=lax.Precision.HIGHEST
    )
    return jnp.moveaxis(y, 0, axis)


def _local_means(n: int, patch: int) -> np.ndarray:
    """`[n, n]`: the mean of the cells within a patch around each cell."""
    cell = np.arange(n)
    near = np.abs(cell[:, None] - cell) <= (patch - 1) / 2
    return near / near.sum(1, keepdims=True)


def _coarse_means(n: int, patch: int) -> np.ndarray:
    """`[n // patch, n]`: means over equal parts of the axis, which may split cells."""
    parts = max(1, n // patch)
    edges = np.linspace(0, n, parts + 1)
    cell = np.arange(n)
    overlap = np.minimum(edges[1:, None], cell + 1) - np.maximum(edges[:-1, None], cell)
    return np.maximum(overlap, 0) * parts / n


def _stretch(coarse: np.ndarray, size: int) -> np.ndarray:
    """`[size, n]`: linear interpolation of the rows to `size` cells."""
    parts = len(coarse)
    at = np.clip((np.arange(size) + 0.5) * parts / size - 0.5, 0, parts - 1)
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(parts)))
    return weights @ coarse
