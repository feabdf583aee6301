"""Windows over an image whose rows or columns the devices of a mesh share."""

from collections.abc import Callable, Sequence

import jax
from jax import lax
from jax.sharding import AxisType, PartitionSpec

from ..padding import MODES, Padding, affine, per_axis_modes, rule_of
from ..typing import Array
from .exchange import split_of
from .geometry import Geometry, fill
from .parts import over_mesh, over_shards


# The mesh axes that split the first and the second space axis of every image.
IMAGE_AXES = ("spatial", "columns")
_OPEN = PartitionSpec.UNCONSTRAINED
# Cells before and after each axis.
Widths = Sequence[tuple[int, int]]


def split_image(x: Array) -> Array:
    """An image, and under a mesh with the axis "spatial" its rows over the devices.

    Under `jax.set_mesh(mesh)`, or `jax.sharding.use_abstract_mesh` in a jitted
    function: "spatial" splits the first space axis and "columns" the second, where the
    mesh has them, of type Auto. jaxpad's operations with a window do this to what they
    return. It matters at the beginning of a network, and after an operation that is
    not jaxpad's. A convolution of others has right gradients only if the batch is split
    over all other axes of the mesh, as by `jaxpad.sharding.batch_split`.

    Args:
        x: `[batch, *space, channels]`.

    Returns:
        The same; whole along an axis that the devices cannot share evenly.

    Example:
        >>> import jax.numpy as jnp
        >>> auto = (jax.sharding.AxisType.Auto,)
        >>> mesh = jax.make_mesh((8,), ("spatial",), axis_types=auto)
        >>> with jax.set_mesh(mesh):
        ...     y = jax.jit(split_image)(jnp.ones((1, 16, 4, 1)))
        >>> y.addressable_shards[0].data.shape
        (1, 2, 4, 1)
    """
    axes = _mesh_axes(x.ndim)
    if not any(name for name, _ in axes):
        return x
    names = [
        None if n % devices else name
        for n, (name, devices) in zip(x.shape[1:-1], axes, strict=True)
    ]
    return lax.with_sharding_constraint(x, PartitionSpec(_OPEN, *names, _OPEN))


def image_is_split() -> bool:
    """Whether the mesh that is set splits images."""
    return any(name for name, _ in _mesh_axes(4))


def _mesh_axes(rank: int) -> list[tuple[str | None, int]]:
    """The mesh axis that splits each space axis of an array, and its devices."""
    mesh = jax.sharding.get_abstract_mesh()
    types = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))
    found: list[tuple[str | None, int]] = [(None, 1)] * (rank - 2)
    if AxisType.Manual in mesh.axis_types:  # someone else's parts
        return found
    for number, name in enumerate(IMAGE_AXES[: rank - 2]):
        if types.get(name) == AxisType.Auto and mesh.shape[name] > 1:
            found[number] = name, mesh.shape[name]
    return found


def windowed(
    apply: Callable[..., Array],
    x: Array,
    *operands: Array,
    window: Geometry,
    padding: Padding,
    absent: float = 0.0,
    everywhere: bool = False,
) -> Array:
    """An operation with a window on the padded image, on its parts if it is split.

    Where the devices cannot share cells and outputs evenly, each does the whole.

    Args:
        apply: from the padded image, the widths of absent cells that it is still to
            add, and the operands to the output. Given a part of the image it makes
            that part of the output.
        x: `[batch, *space, channels]`.
        operands: arrays that no device has a part of.
        window: of the operation.
        padding: its mode is used.
        absent, everywhere: as in `fill`.
    """

    def at_once(x: Array, *operands: Array) -> Array:
        x, widths = fill(x, window, padding, absent=absent, everywhere=everywhere)
        return apply(x, widths, *operands)

    axes, rank = _mesh_axes(x.ndim), x.ndim - 2
    names = {name for name, _ in axes if name}
    if not names:
        return at_once(x, *operands)
    splits = [
        split_of(axis, name, devices) if name else None
        for axis, (name, devices) in zip(window.axes(), axes, strict=True)
    ]
    if not any(splits) or (absent and not _copied(padding, rank)):
        # Not left to XLA: its gradient of a kernel is wrong for uneven parts, and where
        # a mesh axis splits neither image nor batch.
        return split_image(over_mesh(at_once, [None] * rank, names, x, *operands))
    none = [(0, 0)] * rank

    def apply_all(x: Array, *operands: Array) -> Array:
        return apply(x, none, *operands)

    filled = _filled_by(absent, padding, rank)
    return split_image(
        over_shards(apply_all, x, operands, window, filled, splits, names)
    )


def _copied(padding: Padding, rank: int) -> bool:
    """Whether absent cells are copied at most, not added up."""
    rules = [
        rule_of(mode) for pair in per_axis_modes(padding.mode, rank) for mode in pair
    ]
    return all(r is MODES["zero"] or (r is not None and r.copies) for r in rules)


def _filled_by(absent: float, padding: Padding, rank: int) -> Padding:
    """The padding, with `absent` in place of zeros."""
    if not absent:
        return padding
    zero, other = MODES["zero"], affine(lambda i, n: ([], absent))
    modes = per_axis_modes(padding.mode, rank)
    return Padding(tuple(tuple(other if m is zero else m for m in p) for p in modes))
