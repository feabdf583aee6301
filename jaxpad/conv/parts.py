"""What the windows of each device read of an image that is split over them.

Each device receives the few cells that lie next to its own from its neighbours. At the
image's own border there is no neighbour: there the mode's cells are made, by the device
that has the cells they copy.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax
from jax.sharding import PartitionSpec

from ..padding import (
    Fill,
    Padding,
    as_fills,
    fill_axes,
    pad,
    per_axis_modes,
    sum_dtype,
    terms_of,
)
from ..typing import Array
from .exchange import Split, exchange
from .geometry import Geometry


def over_shards(
    apply: Callable[..., Array],
    x: Array,
    operands: Sequence[Array],
    window: Geometry,
    padding: Padding,
    splits: Sequence[Split | None],
    names: set[str],
) -> Array:
    """An operation on what the windows of each device read.

    Args:
        apply: from a part of the padded image and the operands to that of the output.
        x: `[batch, *space, channels]`.
        operands: arrays that no device has a part of.
        window: of the operation.
        padding: its mode is used.
        splits: how each space axis is split.
        names: the mesh axes of these, and others over which all is whole.
    """
    if not any(map(any, window.widths)):
        padding = Padding("zero")  # of no cells, whatever the mode would need for some
    modes = per_axis_modes(padding.mode, len(splits))
    fills = as_fills(range(1, 1 + len(modes)), window.widths, modes)
    if fills is None or any(s and max(s.before, s.after) > s.cells for s in splits):
        whole = _gathered(x, window, padding, names)

        def from_whole(_: Array, whole: Array, *operands: Array) -> Array:
            return apply(_part(whole, splits), *operands)

        return over_mesh(from_whole, splits, names, x, whole, *operands)

    def from_neighbours(x: Array, *operands: Array) -> Array:
        return apply(_padded(x, fills, modes, splits), *operands)

    return over_mesh(from_neighbours, splits, names, x, *operands)


def _gathered(x: Array, window: Geometry, padding: Padding, names: set[str]) -> Array:
    """The whole padded image, on each device.

    It is padded outside of the parts, where what a mode has learned is no device's.
    """
    axes = range(1, x.ndim - 1)

    def padded(x: Array) -> Array:
        return pad(x, window.widths, padding.mode, axes=axes)

    return over_mesh(padded, [None] * len(axes), names, x)


def _part(whole: Array, splits: Sequence[Split | None]) -> Array:
    """What a device's windows read of the whole padded image."""
    for axis, split in enumerate(splits, 1):
        if split:
            first = lax.axis_index(split.name) * split.pitch
            whole = _cut(whole, axis, first, split)
    return whole


def over_mesh(
    local: Callable[..., Array],
    splits: Sequence[Split | None],
    names: set[str],
    x: Array,
    *operands: Array,
) -> Array:
    """A function of each device's part of an image, and of whole operands.

    The gradients of operands are added up over the devices in float32 at least; XLA for
    CPUs cannot in bfloat16.
    """
    spec = PartitionSpec(None, *(split and split.name for split in splits))
    axes = tuple(split.name for split in splits if split)
    dtypes = [operand.dtype for operand in operands]
    operands = tuple(operand.astype(sum_dtype(operand.dtype)) for operand in operands)

    def narrowed(x: Array, *operands: Array) -> Array:
        if axes:
            operands = tuple(lax.pcast(o, axes, to="varying") for o in operands)
        pairs = zip(operands, dtypes, strict=True)
        return local(x, *(operand.astype(dtype) for operand, dtype in pairs))

    return jax.shard_map(
        narrowed,
        in_specs=(spec, *(PartitionSpec() for _ in operands)),
        out_specs=spec,
        axis_names=names,
    )(x, *operands)


def _padded(
    x: Array,
    fills: Sequence[Fill],
    modes: Sequence[tuple[Any, Any]],
    splits: Sequence[Split | None],
) -> Array:
    """What a device's windows read: its own cells and those around them."""
    groups: list[list[Fill]] = [[]]
    for fill, split, sides in zip(fills, splits, modes, strict=True):
        if split is None:
            groups[-1].append(fill)
        else:  # one exchange, not one for each piece of a nested concatenation
            groups.append([_exchanged(fill[0], split, sides)])
    for group in groups:
        x = fill_axes(x, group)
    for axis, split in enumerate(splits, 1):
        if split:
            first = split.before + split.start(lax.axis_index(split.name))
            aligned = split.pitch == split.cells
            x = _cut(x, axis, split.before - split.lo if aligned else first, split)
    return x


def _exchanged(axis: int, split: Split, sides: tuple[Any, Any]) -> Fill:
    n = split.devices * split.cells
    borders = (range(-split.lo, 0), range(n, n + split.beyond))
    makes = []
    for side, (mode, border) in enumerate(zip(sides, borders, strict=True)):
        terms = terms_of(mode)
        assert terms is not None  # as_fills found a rule
        makes.append(exchange(split, side, terms(n, border)))
    return axis, (split.before, split.after), (makes[0], makes[1])


def _cut(x: Array, axis: int, first: int | Array, split: Split) -> Array:
    if isinstance(first, int):
        return lax.slice_in_dim(x, first, first + split.reads, axis=axis)
    return lax.dynamic_slice_in_dim(x, first, split.reads, axis)
