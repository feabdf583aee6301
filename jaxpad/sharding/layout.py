"""How one array is split: along an axis, or flattened and padded with zeros."""

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from ..typing import AnyArray, Array


WHOLE = PartitionSpec()
HOST = "pinned_host"  # jax's name of the memory of the host that devices can reach


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the parts of an array lie.

    Attributes:
        shape: of the array as its owner sees it.
        spec: mesh axes by axis of the array as it is stored.
        padded: elements of the flat, padded array that is stored; None if the array
            is stored in its own shape.
        parts: how many devices hold different parts.
        host: whether they lie in the memory of the devices' hosts between uses.
    """

    shape: tuple[int, ...]
    spec: PartitionSpec = WHOLE
    padded: int | None = None
    parts: int = 1
    host: bool = False

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Of the array as it is stored."""
        return self.shape if self.padded is None else (self.padded,)

    @property
    def held(self) -> int:
        """Elements that one device holds."""
        return math.prod(self.stored_shape) // self.parts

    def sharding(self, mesh: Mesh | AbstractMesh) -> NamedSharding:
        """Where the array lies on a mesh, as it is stored."""
        kind = HOST if self.host else None
        return NamedSharding(mesh, self.spec, memory_kind=kind)


def split(
    shape: tuple[int, ...],
    axis: str,
    parts: int,
    *,
    taken: PartitionSpec = WHOLE,
    taken_parts: int = 1,
    flatten: bool = True,
) -> Layout:
    """Splits an array into equal parts, by the first of three ways that is possible.

    Along its largest axis that `parts` divides; else flattened and padded with zeros
    to a multiple of `parts`; else not at all.

    Args:
        shape: of the array.
        axis: of the mesh.
        parts: devices along that axis.
        taken: how other mesh axes split the array already; it stays so.
        taken_parts: into how many parts they split it.
        flatten: whether the second way is allowed. An array that is split already
            would have to be gathered for it, and keeps its shape.

    Example:
        >>> tuple(split((3, 3, 64, 128), "data", 8).spec)
        (None, None, None, 'data')
        >>> split((3, 3, 3, 7), "data", 8).stored_shape
        (192,)
    """
    if parts == 1 or not math.prod(shape):
        return Layout(shape, taken, parts=taken_parts)
    names = [*taken, *[None] * (len(shape) - len(taken))]
    axes = zip(shape, names, strict=True)
    fits = [n if not name and n % parts == 0 else 0 for n, name in axes]
    if any(fits):
        names[fits.index(max(fits))] = axis
        return Layout(shape, PartitionSpec(*names), parts=parts * taken_parts)
    if flatten and shape and taken_parts == 1:
        padded = -(-math.prod(shape) // parts) * parts
        return Layout(shape, PartitionSpec(axis), padded, parts)
    return Layout(shape, taken, parts=taken_parts)


def pack(x: AnyArray, layout: Layout) -> Array:
    """The array as it is stored."""
    x = jnp.asarray(x)
    if layout.padded is None:
        return x
    return jnp.pad(x.ravel(), (0, layout.padded - x.size))


def unpack(stored: AnyArray, layout: Layout) -> Array:
    """The array as its owner sees it; `unpack(pack(x, layout), layout)` is x."""
    stored = jnp.asarray(stored)
    if layout.padded is None:
        return stored
    return stored[: math.prod(layout.shape)].reshape(layout.shape)


def coverage(layouts: Any, parts: int) -> float:
    """What a device would hold of evenly split arrays, by what it holds.

    `sum of elements / parts / elements held by a device`: 1 is the ideal, and 1 / parts
    that nothing is split. Single numbers, such as a count of steps, are no arrays.
    """
    arrays = [layout for layout in layouts if layout.shape]
    whole = sum(math.prod(layout.shape) for layout in arrays)
    held = sum(layout.held for layout in arrays)
    return whole / parts / held if held else 1.0
