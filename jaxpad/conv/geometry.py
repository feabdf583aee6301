"""The sliding window of an operation: sizes, widths, and which cells are missing."""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..arith import conv_output_size, side_widths, tap_counts
from ..padding import (
    MODES,
    Padding,
    apply_reweight,
    mode_name,
    pad,
    per_axis_amounts,
    per_axis_modes,
    reweight_ratio,
    rule_of,
    terms_of,
)
from ..typing import Amount, AnyArray, Array, PerAxis


class Axis(NamedTuple):
    """A window sliding over one axis; the attributes are `Geometry`'s."""

    space: int
    window: int
    stride: int
    dilation: int
    widths: tuple[int, int]
    outputs: int


class Geometry(NamedTuple):
    """A window sliding over the space axes of an image; one entry per axis.

    Attributes:
        space: cells of the image.
        window: taps of the window.
        stride: cells between windows.
        dilation: cells between taps.
        widths: cells added before and after.
        outputs: windows that fit.
    """

    space: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    widths: tuple[tuple[int, int], ...]
    outputs: tuple[int, ...]

    def axes(self) -> list[Axis]:
        """The same, axis by axis."""
        return [Axis(*axis) for axis in zip(*self, strict=True)]


def geometry(
    space: Sequence[int],
    window: Sequence[int],
    stride: PerAxis,
    dilation: PerAxis,
    amount: Amount,
) -> Geometry:
    """Reads the arguments of an operation as a `Geometry`.

    Raises:
        ValueError: if a window does not fit into the padded image, or an argument
            has the wrong number of axes or is out of range.
    """
    rank = len(window)
    strides = per_axis("stride", stride, rank)
    dilations = per_axis("dilation", dilation, rank)
    amounts = per_axis_amounts(amount, rank)
    axes = list(zip(space, window, strides, amounts, dilations, strict=True))
    outputs = tuple(conv_output_size(*axis) for axis in axes)
    widths = tuple(side_widths(a, i, k, s, d) for i, k, s, a, d in axes)
    return Geometry(tuple(space), tuple(window), strides, dilations, widths, outputs)


def per_axis(name: str, value: Any, rank: int, *, least: int = 1) -> tuple[int, ...]:
    """Reads an int, or one per axis.

    Raises:
        ValueError: if there are not `rank` numbers, or one is below `least`.
        TypeError: if one is no whole number.
    """
    try:
        values = value if isinstance(value, (tuple, list)) else [value] * rank
        numbers = tuple(operator.index(v) for v in values)
    except TypeError as e:
        raise TypeError(
            f"{name} is an int, or one per space axis, but {value!r} came."
        ) from e
    if len(numbers) != rank or min(numbers, default=least) < least:
        raise ValueError(
            f"{name}={value!r}: expected an int of at least {least}, or {rank} of "
            "them, one per space axis."
        )
    return numbers


def tap(x: Array, axis: int, start: int, stride: int, outputs: int) -> Array:
    """The cells of one axis on which one tap falls, output by output."""
    end = start + (outputs - 1) * stride + 1
    return lax.slice_in_dim(x, start, end, stride, axis)


def fill(
    x: Array,
    window: Geometry,
    padding: Padding,
    *,
    absent: float = 0.0,
    everywhere: bool = False,
) -> tuple[Array, tuple[tuple[int, int], ...]]:
    """Pads `x` by the mode; returns it and the widths that XLA is still to add.

    Absent cells (mode zero) cost nothing inside XLA's own operations, so they are left
    to it where that gives the same corners.

    Args:
        x: `[batch, *space, channels]`.
        window: its geometry.
        padding: its mode is used.
        absent: what stands in an absent cell: 0 for a sum, minus infinity for a
            maximum.
        everywhere: whether absent cells are written out too.
    """
    modes = per_axis_modes(padding.mode, len(window.window))
    left = [False] * len(modes) if everywhere else left_to_xla(modes)
    none = (0, 0)
    pairs = [
        (none, widths) if leave else (widths, none)
        for widths, leave in zip(window.widths, left, strict=True)
    ]
    now, later = zip(*pairs, strict=True)
    if not any(any(pair) for pair in now):
        return x, later
    x = pad(x, now, padding.mode, axes=range(1, 1 + len(modes)))
    if absent and any(MODES["zero"] in pair for pair in modes):
        there = np.expand_dims(_there(window.space, now, modes), (0, -1))
        x = jnp.where(there, x, jnp.asarray(absent, x.dtype))
    return x, later


def _there(
    space: Sequence[int],
    widths: Sequence[tuple[int, int]],
    modes: Sequence[tuple[Any, Any]],
) -> np.ndarray:
    """Which cells of a padded image are there: not those of mode zero.

    Nor those that another axis makes from absent ones; constants it makes from nothing.
    """
    there = np.ones(space, bool)
    for axis, ((lo, hi), (before, after)) in enumerate(zip(widths, modes, strict=True)):
        n, line = space[axis], there.any(axis, keepdims=True)
        first = _made(line, before, n, range(-lo, 0)).repeat(lo, axis)
        last = _made(line, after, n, range(n, n + hi)).repeat(hi, axis)
        there = np.concatenate([first, there, last], axis)
    return there


def _made(line: np.ndarray, mode: Any, n: int, cells: range) -> np.ndarray:
    """Which cells of a line beyond an axis are there, from those of one within it."""
    if mode is MODES["zero"]:
        return np.zeros_like(line)
    terms = terms_of(mode)
    literal = terms is not None and not any(made for made, _ in terms(n, cells))
    return np.ones_like(line) if literal else line


def left_to_xla(modes: list[tuple[Any, Any]]) -> list[bool]:
    """Axes that XLA may pad with zeros after the others were padded explicitly."""
    zero = MODES["zero"]
    kept = _corners_kept(modes)
    return [k and pair == (zero, zero) for k, pair in zip(kept, modes, strict=True)]


def _corners_kept(modes: list[tuple[Any, Any]]) -> list[bool]:
    """For each axis, whether zeros put there are zeros in the corners too.

    A later axis owns the corners, so it must be zero itself or copy cells.
    """
    kept, free = [], True
    for pair in reversed(modes):
        kept.append(free)
        rules = [rule_of(mode) for mode in pair]
        free = free and all(
            r is MODES["zero"] or (r is not None and r.copies) for r in rules
        )
    return kept[::-1]


def zero_sides(window: Geometry, padding: Padding) -> list[tuple[bool, bool]]:
    """For each axis, whether the cells before and after it are absent (mode zero)."""
    zero = MODES["zero"]
    modes = per_axis_modes(padding.mode, len(window.window))
    return [(lo is zero, hi is zero) for lo, hi in modes]


def missing_ratio(window: Geometry, padding: Padding) -> np.ndarray | None:
    """The factor of each output for the cells its window misses; None for none."""
    if padding.reweight is None:
        return None
    sides = zero_sides(window, padding)
    kept = _corners_kept(per_axis_modes(padding.mode, len(sides)))
    if any(any(absent) and not k for absent, k in zip(sides, kept, strict=True)):
        raise ValueError(
            f"padding {mode_name(padding.mode)} with reweight="
            f"{mode_name(padding.reweight)}: an axis after a zero one fills the "
            "corners with something else, so that the missing cells of a window cannot "
            "be counted axis by axis. Name the zero axis last, or write reweight=None."
        )
    counts = [
        tap_counts(a.space, a.window, a.stride, a.widths, a.dilation, absent=absent)
        for a, absent in zip(window.axes(), sides, strict=True)
    ]
    return reweight_ratio(counts, window.window, padding.reweight)


def finish(y: Array, window: Geometry, padding: Padding, bias: Array | None) -> Array:
    """Reweights the outputs for missing cells, then adds the bias."""
    ratio = missing_ratio(window, padding)
    if ratio is not None:
        return apply_reweight(y, ratio, bias)
    return y if bias is None else y + jnp.expand_dims(bias, range(y.ndim - 1))


def check_image(name: str, x: AnyArray, rank: int) -> Array:
    """Raises unless `x` is a floating-point `[batch, *space, channels]`."""
    x = jnp.asarray(x)
    if not 1 <= rank <= 3:
        raise ValueError(
            f"{name} works on 1, 2 or 3 space axes, but the window has {max(rank, 0)}, "
            f"and x has shape {x.shape}: expected [batch, *space, channels]."
        )
    if x.ndim != rank + 2:
        axes = ", ".join(["batch", *"dhw"[3 - rank :], "channels"])
        raise ValueError(
            f"{name}: x has shape {x.shape}, but a window of {rank} axes takes "
            f"[{axes}]. Add the missing axis, for example with x[None]."
        )
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        raise TypeError(
            f"{name}: x has dtype {x.dtype}, but an image of floating-point numbers "
            "was expected. Convert it: x.astype(jnp.float32) / 255."
        )
    return x
