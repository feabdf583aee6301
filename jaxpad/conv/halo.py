"""Halo exchange: convolving an image whose rows or columns are split over devices.

Each device receives the few cells that lie next to its own from its neighbours. At the
image's own border there is no neighbour: there the mode's cells are made, by the device
that has the cells they copy.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import AxisType, PartitionSpec

from ..arith import span
from ..padding import Fill, Padding, as_fills, fill_axes, pad, per_axis_modes, terms_of
from ..typing import Array
from .convolve import Convolve
from .exchange import Split, exchange
from .geometry import Axis, Geometry


def halo(axis: str | Sequence[str | None] = "spatial") -> Any:
    """A strategy for images whose space axes are split over the devices of a mesh.

    `y = conv(x)` with `x` and `y` split along the same axes: a device sends the cells
    at its edges to its neighbours, and nothing else. Modes that are no rule, and halos
    wider than a device's part, are made from the gathered image.

    Args:
        axis: the mesh axis over which the first space axis is split; or one for each
            space axis, None for one that is whole. In a config: "halo(axis='rows')".

    Returns:
        A strategy for `jaxpad.conv`, to be called under `jax.set_mesh(mesh)`, with mesh
        axes of type Auto. The devices must divide both the cells and the outputs of
        an axis.

    Raises:
        TypeError, ValueError: for an axis that is no name, or is named twice. When
            called: for a mesh without the axis, or a size that it cannot share.

    Example:
        >>> import jax.numpy as jnp, jaxpad
        >>> auto = (jax.sharding.AxisType.Auto,)
        >>> mesh = jax.make_mesh((8,), ("spatial",), axis_types=auto)
        >>> x, kernel = jnp.ones((1, 16, 4, 1)), jnp.ones((3, 3, 1, 1))
        >>> with jax.set_mesh(mesh):
        ...     y = jaxpad.conv(x, kernel, padding="circular", strategy=halo("spatial"))
        >>> y.addressable_shards[0].data.shape
        (1, 2, 4, 1)
    """
    _mesh_axes(axis)
    return functools.partial(over_devices, axis=axis)


def _mesh_axes(axis: Any) -> tuple[str | None, ...]:
    axes = (axis,) if isinstance(axis, str) or not np.iterable(axis) else tuple(axis)
    if not axes or any(not isinstance(name, (str, type(None))) for name in axes):
        raise TypeError(
            f"halo({axis!r}): expected the name of a mesh axis, or one for each space "
            'axis, None for one that is whole, such as halo("spatial") or '
            'halo((None, "columns")).'
        )
    if len(set(axes) - {None}) < len([name for name in axes if name]):
        raise ValueError(
            f"halo({axis!r}) names a mesh axis twice, which can split one space axis: "
            "name another for the second, or None."
        )
    return axes


def over_devices(
    x: Array,
    kernel: Array,
    window: Geometry,
    padding: Padding,
    convolve: Convolve,
    *,
    axis: str | Sequence[str | None] = "spatial",
) -> Array:
    """The strategy that `halo(axis)` makes."""
    splits = _splits(window, _mesh_axes(axis))
    names = [split and split.name for split in splits]
    spec = PartitionSpec(None, *names)
    none = [(0, 0)] * len(splits)

    def local(x: Array, kernel: Array) -> Array:
        padded = _padded(x, window, padding, splits)
        return convolve(padded, kernel, window.stride, none, window.dilation)

    return jax.shard_map(
        local,
        in_specs=(spec, PartitionSpec()),
        out_specs=spec,
        axis_names={name for name in names if name},
    )(x, kernel)


def _splits(window: Geometry, axes: tuple[str | None, ...]) -> list[Split | None]:
    """How each space axis is split.

    Raises:
        ValueError: if there is no such mesh axis, or a size that cannot be shared.
    """
    mesh = jax.sharding.get_abstract_mesh()
    types = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))
    if len(axes) > len(window.space):
        raise ValueError(
            f"halo({axes!r}) names {len(axes)} axes, but the image has "
            f"{len(window.space)} space axes."
        )
    for name in axes:
        if name is not None and types.get(name) != AxisType.Auto:
            raise ValueError(
                f"halo({name!r}): the mesh has the axes {types}, and an axis {name!r} "
                "of type Auto was expected. Call it under jax.set_mesh(mesh), with "
                f"mesh = jax.make_mesh((8,), ({name!r},), "
                "axis_types=(jax.sharding.AxisType.Auto,))."
            )
    axes += (None,) * (len(window.space) - len(axes))
    return [
        None if name is None else _split(axis, i, name, mesh.shape[name])
        for i, (axis, name) in enumerate(zip(window.axes(), axes, strict=True))
    ]


def _split(axis: Axis, number: int, name: str, devices: int) -> Split:
    reach = span(axis.window, axis.dilation)
    if axis.space % devices or axis.outputs % devices:
        sizes = _legal(axis, devices)
        can = f"these sizes can: {sizes}" if sizes else "no size can"
        raise ValueError(
            f"halo: space axis {number} has {axis.space} cells and {axis.outputs} "
            f"outputs, which the {devices} devices of {name!r} cannot share evenly. "
            f'With widths {axis.widths} {can}; amount="same" makes n / stride outputs.'
        )
    cells, pitch = axis.space // devices, axis.outputs // devices * axis.stride
    reads = pitch - axis.stride + reach
    return Split(name, devices, cells, pitch, reads, axis.widths[0])


def _legal(axis: Axis, devices: int) -> list[int]:
    """The sizes nearest to the axis' that the devices can share."""

    def shared(n: int) -> bool:
        room = n + sum(axis.widths) - span(axis.window, axis.dilation)
        return room >= 0 and (room // axis.stride + 1) % devices == 0

    largest = axis.space + axis.stride * axis.window * devices
    sizes = [n for n in range(devices, largest, devices) if shared(n)]
    return sorted(sorted(sizes, key=lambda n: abs(n - axis.space))[:3])


def _padded(
    x: Array, window: Geometry, padding: Padding, splits: Sequence[Split | None]
) -> Array:
    """What a device's windows read: its own cells and those around them."""
    modes = per_axis_modes(padding.mode, len(splits))
    fills = as_fills(range(1, 1 + len(modes)), window.widths, modes)
    if fills is None or any(s and max(s.before, s.after) > s.cells for s in splits):
        return _gathered(x, window, padding, splits)
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


def _gathered(
    x: Array, window: Geometry, padding: Padding, splits: Sequence[Split | None]
) -> Array:
    """What a device's windows read, cut out of the whole padded image."""
    for axis, split in enumerate(splits, 1):
        if split:
            x = lax.all_gather(x, split.name, axis=axis, tiled=True)
    x = pad(x, window.widths, padding.mode, axes=range(1, 1 + len(splits)))
    for axis, split in enumerate(splits, 1):
        if split:
            x = _cut(x, axis, lax.axis_index(split.name) * split.pitch, split)
    return x


def _cut(x: Array, axis: int, first: int | Array, split: Split) -> Array:
    if isinstance(first, int):
        return lax.slice_in_dim(x, first, first + split.reads, axis=axis)
    return lax.dynamic_slice_in_dim(x, first, split.reads, axis)
