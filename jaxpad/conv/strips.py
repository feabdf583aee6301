"""Border strips: a zero-padded convolution plus thin ones of the cells it lacks.

A convolution is linear in its image, and the padded image is the sum of the image with
zeros around it and, for each side of each axis, a slab with zeros elsewhere. So the
image itself is never copied. The slabs are as in `pad`: one of a later axis holds the
corners.
"""

from collections.abc import Sequence

from jax import lax

from ..padding import (
    MODES,
    Fill,
    Padding,
    as_fills,
    fill_axes,
    mode_name,
    per_axis_modes,
)
from ..typing import Array
from .convolve import Convolve
from .geometry import Geometry


def strips(
    x: Array, kernel: Array, window: Geometry, padding: Padding, convolve: Convolve
) -> Array:
    """A zero-padded convolution plus what the border adds; for modes that are rules."""
    modes = per_axis_modes(padding.mode, len(window.window))
    fills = as_fills(range(1, 1 + len(modes)), window.widths, modes)
    if fills is None:
        raise ValueError(
            'strategy="strips" needs modes given by a rule, but '
            f"{mode_name(padding.mode)} is another function, which cannot fill one "
            'side alone: use strategy="auto".'
        )
    y = convolve(x, kernel, window.stride, window.widths, window.dilation)
    for axis, pair in enumerate(modes):
        for side, mode in enumerate(pair):
            if window.widths[axis][side] and mode is not MODES["zero"]:
                y = _add_side(y, x, kernel, window, fills, axis, side, convolve)
    return y


def _add_side(
    y: Array,
    x: Array,
    kernel: Array,
    window: Geometry,
    fills: Sequence[Fill],
    axis: int,
    side: int,
    convolve: Convolve,
) -> Array:
    """Adds what the padding cells on one side of one axis give to the outputs."""
    outputs, taps, start, stop = _reach(window, axis, side)
    if not outputs or not taps:
        return y
    n, (lo, hi) = window.space[axis], window.widths[axis]
    positions = (range(-lo, 0), range(n, n + hi))[side]
    make = fills[axis][2][side]

    def slab(x: Array) -> Array:
        return lax.concatenate(make(x, axis + 1, positions), axis + 1)

    width = len(positions)
    thin = fill_axes(x, fills[:axis], slab)
    thin = lax.slice_in_dim(thin, max(start, 0), min(stop, width), axis=axis + 1)
    zeros = [(0, 0)] * axis
    zeros += [(max(-start, 0), max(stop - width, 0)), *window.widths[axis + 1 :]]
    weights = lax.slice_in_dim(kernel, taps.start, taps.stop, axis=axis)
    part = convolve(thin, weights, window.stride, zeros, window.dilation)
    there = lax.slice_in_dim(y, outputs.start, outputs.stop, axis=axis + 1)
    where = [0] * y.ndim
    where[axis + 1] = outputs.start
    return lax.dynamic_update_slice(y, there + part, where)


def _reach(window: Geometry, axis: int, side: int) -> tuple[range, range, int, int]:
    """Which outputs and which taps meet the padding cells on one side.

    Returns:
        The outputs, the taps, and the first and last (exclusive) cell that they
        read, counted from the side's first; cells outside its width are zeros.
    """
    n, k, s, d, (lo, _), count = window.axes()[axis]
    last = count - 1
    if side == 0:
        outputs = range(min(-(-lo // s), last + 1))
        taps = range(min((lo - 1) // d + 1, k))
        start = 0
    else:
        end = lo + n
        outputs = range(max(-(-(end - (k - 1) * d) // s), 0), last + 1)
        taps = range(max(-(-(end - last * s) // d), 0), k)
        start = outputs.start * s + taps.start * d - end
    reads = (len(outputs) - 1) * s + (len(taps) - 1) * d + 1
    return outputs, taps, start, start + reads
