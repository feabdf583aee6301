"""Orthogonal convolutions at a border: what each padding leaves of the circular ones.

The reasons are in `exists`. Sizes here are of an image that the stride divides and that
is large against the window; nothing depends on which.
"""

import math
from typing import Any, NamedTuple

from ..arith import conv_output_size, side_widths
from ..padding import (
    MODES,
    REWEIGHTS,
    Padding,
    as_padding,
    mode_name,
    per_axis_amounts,
    per_axis_modes,
)
from ..typing import Mode
from .architecture import Architecture, Axis, Existence


class Border(NamedTuple):
    """A padding, as far as the existence of orthogonal kernels depends on it.

    Attributes:
        padding: as given.
        modes: which occur in it.
        amounts: one per axis.
    """

    padding: Padding
    modes: frozenset[Any]
    amounts: tuple[Any, ...]


def read_padding(arch: Architecture, padding: Mode | Padding) -> Border:
    """Reads a padding; its amount is "same" unless it brings one.

    Raises:
        ValueError: for an unknown padding, or one for another number of axes.
    """
    spec, rank = as_padding(padding), len(arch.axes)
    modes = frozenset(m for pair in per_axis_modes(spec.mode, rank) for m in pair)
    amount = "same" if spec.amount is None else spec.amount
    return Border(spec, modes, tuple(per_axis_amounts(amount, rank)))


def circles(border: Border) -> bool:
    """Whether this is plain circular padding."""
    circular = border.modes == {MODES["circular"]}
    return circular and set(border.amounts) == {"same"}


class Fit(NamedTuple):
    """What an amount does along one axis.

    Attributes:
        added: whether it adds cells.
        even: whether there is one output for each stride of the image.
        inside: taps that lie within `stride` cells from the window's first real cell
            on. They never fall on a padding cell; with `even`, the others do.
    """

    added: bool
    even: bool
    inside: int


def beyond_circular(arch: Architecture, border: Border) -> Existence:
    """Whether an orthogonal kernel exists here, where a circular one does."""
    fits = list(map(_fit, arch.axes, border.amounts))
    if not any(fit.added for fit in fits):
        return _nothing_added(arch)
    if not all(fit.even for fit in fits):
        return Existence(
            None,
            f"It is not known for amount={border.padding.amount!r}, which gives more "
            'or fewer outputs than the image has strides: use "same" or "valid".',
        )
    if border.modes == {MODES["circular"]}:
        return Existence(True, "Kernels exist as with the amount 'same'.")
    return _filled(arch, border, arch.inputs * math.prod(fit.inside for fit in fits))


def _fit(axis: Axis, amount: Any) -> Fit:
    taps, stride, dilation = axis
    size = stride * (dilation * taps + 4)  # enough for every window
    lo, hi = side_widths(amount, size, taps, stride, dilation)
    outputs = conv_output_size(size, taps, stride, amount, dilation)
    inside = sum(lo <= tap * dilation < lo + stride for tap in range(taps))
    return Fit(lo + hi > 0, outputs * stride == size, inside)


def _nothing_added(arch: Architecture) -> Existence:
    """Every window is whole: the rows are some of those under circular padding."""
    if arch.wide:
        return Existence(
            True, "Kernels with K K^T = I exist, as under circular padding."
        )
    tiles = all(a.taps == a.stride and 1 in (a.taps, a.dilation) for a in arch.axes)
    if tiles:
        return Existence(
            True, "Kernels with K^T K = I exist: the windows tile the image."
        )
    return Existence(
        False,
        f"{arch.described} and no padding cannot keep every direction: fewer windows "
        f"see the first cells than see the others, and there are {arch.outputs} output "
        f"channels for {arch.cells} input numbers. Use kernel_size = stride without "
        f'dilation, padding="circular", or at most {arch.cells} output channels.',
    )


def _filled(arch: Architecture, border: Border, rank: int) -> Existence:
    """With cells of some mode around the image; `rank` is what taps inside tell."""
    name, zero = mode_name(border.padding.mode), MODES["zero"]
    if border.padding.reweight is not None and zero in border.modes:
        return _reweighted(arch, border)
    if any(MODES.breaks(mode, "interior") for mode in border.modes):
        return Existence(None, f"It is not known for {name}, which moves real cells.")
    alone = border.modes == {zero}
    if arch.outputs <= rank or rank == arch.cells:
        which = "Only kernels" if alone else "Kernels"
        return Existence(
            True,
            f"{which} whose taps never fall on a padding cell: one block of `stride` "
            "taps on each axis, at stride 1 the centre tap.",
        )
    reached = (
        f"the taps that never fall on a padding cell tell {rank} of {arch.cells} input "
        f"numbers apart, and there are {arch.outputs} output channels. Use "
        'padding="circular", or dilation 1.'
    )
    if alone:
        return Existence(
            False,
            f"{arch.described} and zero padding cannot keep every direction: {reached}",
        )
    return Existence(None, f"It is not known for {name} with dilation: {reached}")


def _reweighted(arch: Architecture, border: Border) -> Existence:
    everywhere = border.modes == {MODES["zero"]} and set(border.amounts) == {"same"}
    partial = REWEIGHTS.resolve(border.padding.reweight) is REWEIGHTS["partial"]
    odd = any(a.stride == 1 and a.taps > 1 and a.taps % 2 for a in arch.axes)
    if everywhere and partial and odd:
        return Existence(
            False,
            f"{arch.described} and partial convolution cannot be orthogonal: its "
            "factor is above 1 at the border, and other rows have none. Use "
            'padding="circular", or "zero" with a kernel that has a centre tap alone.',
        )
    name = mode_name(border.padding.reweight)
    return Existence(None, f"It is not known for reweight={name}.")
