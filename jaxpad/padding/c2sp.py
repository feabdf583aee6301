"""Symmetric padding of even kernels: each group of channels leans another way."""

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from ..typing import Array
from .catalogue import (
    MODES,
    check_channels,
)


@MODES.register(laws=("identity", "affine", "transforms", "dtype"))
def c2sp(x: Array, widths: Sequence[tuple[int, int]]) -> Array:
    """|abcd|0 and 0|abcd|

    Right for even kernels, whose output is half a cell off: the channels (last axis)
    are split into groups that lean each its own way, so that the shifts cancel. Axes
    with (lo, hi) of unequal widths give 2, 4 or 8 groups, one for each choice of axes
    on which lo and hi are swapped; the first group has them as given. The zeros count,
    as those of constant: they may win in a maximum. "Convolution with even-sized
    kernels and symmetric padding" (Wu et al., 2019).
    """
    check_channels("c2sp", widths)
    lopsided = [axis for axis, (lo, hi) in enumerate(widths) if lo != hi]
    groups, channels = 2 ** len(lopsided), x.shape[-1]
    if channels % groups:
        raise ValueError(
            f"c2sp splits the channels into {groups} groups, one for each way to lean "
            f"on {len(lopsided)} axes of unequal width, but x has {channels} channels. "
            f"Use a multiple of {groups}, or equal widths."
        )
    parts = []
    for group, swaps in enumerate(
        itertools.product((False, True), repeat=len(lopsided))
    ):
        swapped = dict(zip(lopsided, swaps, strict=True))
        pairs = [
            (hi, lo, 0) if swapped.get(axis) else (lo, hi, 0)
            for axis, (lo, hi) in enumerate(widths)
        ]
        first = group * (channels // groups)
        part = lax.slice_in_dim(x, first, first + channels // groups, axis=x.ndim - 1)
        parts.append(lax.pad(part, jnp.zeros((), x.dtype), pairs))
    return lax.concatenate(parts, x.ndim - 1)
