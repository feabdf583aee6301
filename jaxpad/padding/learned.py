"""Modes whose cells are made from parameters; `jaxpad.layers` holds those."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Float

from ..typing import AnyArray, Array
from .catalogue import (
    LAWS,
    MODES,
    check_channels,
    check_float,
)


@MODES.register(laws=tuple(LAWS))
def learned_constant(
    x: Array,
    widths: Sequence[tuple[int, int]],
    *,
    value: Float[AnyArray, " channels"],
) -> Array:
    """vvv|abcd|vvv

    The network chooses what stands beyond the border: one value for each channel (last
    axis), `[channels]`, cast to x's dtype. A layer learns it, from zero.
    """
    check_float("learned_constant", x)
    check_channels("learned_constant", widths)
    if value.shape != x.shape[-1:]:
        raise ValueError(
            f"learned_constant: value has shape {value.shape}, but x has "
            f"{x.shape[-1]} channels: expected ({x.shape[-1]},)."
        )
    value = jnp.asarray(value, x.dtype)
    for axis, (lo, hi) in enumerate(widths):
        if lo == hi == 0:
            continue
        before, after = (
            jnp.broadcast_to(
                jnp.expand_dims(value, range(x.ndim - 1)),
                (*x.shape[:axis], width, *x.shape[axis + 1 :]),
            )
            for width in (lo, hi)
        )
        x = lax.concatenate([before, x, after], axis)
    return x


@MODES.register(laws=("interior", "identity", "affine", "transforms", "dtype"))
def learned_extrapolation(
    x: Array,
    widths: Sequence[tuple[int, int]],
    *,
    weights: Float[AnyArray, "2 *along channels"],
) -> Array:
    """p1 p0|abcd|q0 q1

    The network learns how its features go on: each new cell is a weighted sum, for each
    channel, of the 2 cells inward of it and their neighbours along the border, 3
    across each other space axis. Rings are added from the border outward, axes first
    to last, so that any width is filled; at its ends a border's outermost cell is
    repeated. `weights` is `[2, channels]` for 1 space axis, `[2, 3, channels]` for 2
    and `[2, 3, 3, channels]` for 3, nearest cell first; all sides share it, seen from
    inside outward. A layer learns it, from replicate. After "Context-aware Padding for
    Semantic Segmentation" (Huang et al., 2021) and "Peripheral Prediction Padding"
    (Mukai and Yamanaka, 2023); here the predictor is one linear sum.
    """
    check_float("learned_extrapolation", x)
    check_channels("learned_extrapolation", widths)
    rank = weights.ndim - 1
    space = range(x.ndim - 1 - rank, x.ndim - 1)
    shape = (2, *(3,) * (rank - 1), x.shape[-1])
    padded = [axis for axis, pair in enumerate(widths) if any(pair)]
    if weights.shape != shape or not set(padded) <= set(space):
        raise ValueError(
            f"learned_extrapolation: weights of shape {weights.shape} are for {rank} "
            f"space axes before the channels and must be {list(shape)}; x has shape "
            f"{x.shape} and is padded along axes {padded}."
        )
    pairs = tuple((axis, *widths[axis]) for axis in padded)
    return _grow(x, jnp.asarray(weights, x.dtype), pairs, tuple(space))


@functools.partial(jax.jit, static_argnums=(2, 3))
def _grow(
    x: Array,
    weights: Array,
    pairs: tuple[tuple[int, int, int], ...],
    space: tuple[int, ...],
) -> Array:
    """Adds rings until each `(axis, lo, hi)` is filled."""
    for ring in range(max((max(lo, hi) for _, lo, hi in pairs), default=0)):
        for axis, lo, hi in pairs:
            sides = [x]
            if ring < lo:
                sides.insert(0, _outward(x, axis, space, weights))
            if ring < hi:
                sides.append(_outward(lax.rev(x, (axis,)), axis, space, weights))
            x = lax.concatenate(sides, axis)
    return x


def _outward(x: Array, axis: int, space: tuple[int, ...], weights: Array) -> Array:
    """The cells before the first ones of an axis, which stays with one cell."""
    slab = lax.slice_in_dim(x, 0, min(2, x.shape[axis]), axis=axis)
    ring = [(1, 1) if a in space else (0, 0) for a in range(x.ndim)]
    ring[axis] = (0, 2 - slab.shape[axis])
    slab = MODES["replicate"](slab, ring)
    channels, rank = x.shape[-1], len(space)
    kernel = jnp.moveaxis(weights, 0, axis - space[0])[..., None, :]
    batch = (-1, *slab.shape[space[0] :])
    new = lax.conv_general_dilated(
        slab.reshape(batch),
        kernel,
        (1,) * rank,
        "VALID",
        dimension_numbers=lax.ConvDimensionNumbers(
            (0, rank + 1, *range(1, rank + 1)),
            (rank + 1, rank, *range(rank)),
            (0, rank + 1, *range(1, rank + 1)),
        ),
        feature_group_count=channels,
        precision=lax.Precision.HIGHEST,
    )
    return new.reshape(*x.shape[: space[0]], *new.shape[1:])
