"""The strategy "halo": convolving an image that named mesh axes split, or an error."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType

from ..arith import span
from ..padding import Padding
from ..typing import Array
from .convolve import Convolve
from .exchange import Split, split_of
from .geometry import Axis, Geometry
from .parts import over_shards


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
    none = [(0, 0)] * len(window.space)

    def apply(padded: Array, kernel: Array) -> Array:
        return convolve(padded, kernel, window.stride, none, window.dilation)

    splits = _splits(window, _mesh_axes(axis))
    names = {split.name for split in splits if split}
    return over_shards(apply, x, (kernel,), window, padding, splits, names)


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
    split = split_of(axis, name, devices)
    if split is None:
        sizes = _legal(axis, devices)
        can = f"these sizes can: {sizes}" if sizes else "no size can"
        raise ValueError(
            f"halo: space axis {number} has {axis.space} cells and {axis.outputs} "
            f"outputs, which the {devices} devices of {name!r} cannot share evenly. "
            f'With widths {axis.widths} {can}; amount="same" makes n / stride outputs.'
        )
    return split


def _legal(axis: Axis, devices: int) -> list[int]:
    """The sizes nearest to the axis' that the devices can share."""

    def shared(n: int) -> bool:
        room = n + sum(axis.widths) - span(axis.window, axis.dilation)
        return room >= 0 and (room // axis.stride + 1) % devices == 0

    largest = axis.space + axis.stride * axis.window * devices
    sizes = [n for n in range(devices, largest, devices) if shared(n)]
    return sorted(sorted(sizes, key=lambda n: abs(n - axis.space))[:3])
