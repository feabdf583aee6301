"""The mesh of devices, and how arrays lie on it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec


def make_mesh(sizes: Mapping[str, int], devices: Sequence[Any] | None = None) -> Mesh:
    """Devices, all of all processes by default, along named axes.

    The axes are Auto: the compiler places what is inside a step, and
    `with_sharding_constraint` refuses the Explicit axes that are jax's default. Devices
    of one process lie together, so that it holds one part of every batch.

    Args:
        sizes: devices along each axis; one of them may be -1 and takes what is left.
        devices: for example those of a TPU that is only compiled for.

    Raises:
        ValueError: if the sizes do not multiply to the number of devices.

    Example:
        >>> make_mesh({"data": -1, "model": 1}).axis_names
        ('data', 'model')
    """
    found = jax.devices() if devices is None else devices
    found = sorted(found, key=lambda d: (d.process_index, d.id))
    shape = _filled(sizes, len(found))
    kinds = (AxisType.Auto,) * len(shape)
    return Mesh(np.array(found).reshape(shape), tuple(sizes), axis_types=kinds)


def _filled(sizes: Mapping[str, int], devices: int) -> list[int]:
    open_axes = [name for name, size in sizes.items() if size == -1]
    rest = math.prod(size for size in sizes.values() if size != -1)
    wrong = len(open_axes) > 1 or rest < 1 or any(n < -1 for n in sizes.values())
    if wrong or devices % rest or (not open_axes and rest != devices):
        given = ", ".join(f"{name}={size}" for name, size in sizes.items())
        raise ValueError(
            f"config.mesh with {given} does not fit {devices} devices: the sizes "
            "multiply to that number, and one of them may be -1 for what is left."
        )
    return [devices // rest if size == -1 else size for size in sizes.values()]


def data_mesh() -> Mesh:
    """All devices along one axis, "data".

    Example:
        >>> data_mesh().axis_names
        ('data',)
    """
    return make_mesh({"data": -1})


def replicated(mesh: Mesh) -> NamedSharding:
    """Every device holds the whole array."""
    return NamedSharding(mesh, PartitionSpec())


def batch_split(mesh: Mesh) -> NamedSharding:
    """The first axis is split over the devices."""
    return NamedSharding(mesh, PartitionSpec("data"))


def spread(split: NamedSharding, batch: Any) -> Any:
    """Arrays over the devices of all processes, from the part that each has read.

    Args:
        split: where the whole arrays lie.
        batch: a pytree of NumPy arrays, equal parts of the whole in the order of the
            processes.

    Returns:
        The same pytree of whole arrays.

    Example:
        >>> whole = spread(batch_split(data_mesh()), {"label": np.arange(8)})
        >>> whole["label"].shape
        (8,)
    """
    return jax.tree.map(
        lambda part: jax.make_array_from_process_local_data(split, part), batch
    )


def spread_shapes(split: NamedSharding, batch: Any) -> Any:
    """Shapes of what `spread` makes, with their sharding; no device is needed.

    Args:
        split: where the whole arrays would lie.
        batch: a pytree of NumPy arrays, this process's part of the whole.

    Example:
        >>> split = batch_split(data_mesh())
        >>> spread_shapes(split, {"label": np.arange(8)})["label"].shape
        (8,)
    """

    def shape(part: np.ndarray) -> jax.ShapeDtypeStruct:
        records = len(part) * jax.process_count()
        dtype = jax.dtypes.canonicalize_dtype(part.dtype)
        return jax.ShapeDtypeStruct((records, *part.shape[1:]), dtype, sharding=split)

    return jax.tree.map(shape, batch)


def gathered(part: Any) -> Any:
    """The NumPy arrays of all processes, one after the other; the opposite of `spread`.

    Args:
        part: a pytree of this process's arrays.

    Returns:
        The same pytree, whole, in every process.
    """
    return multihost_utils.process_allgather(part, tiled=True)


def check_batch(batch_size: int, devices: int, key: str = "batch_size") -> None:
    """Raises unless a batch splits evenly over the devices.

    Args:
        batch_size: examples.
        devices: of all processes.
        key: of the config, for the message.

    Raises:
        ValueError: with the nearest sizes that do.
    """
    if batch_size < 1 or batch_size % devices:
        below = batch_size // devices * devices
        legal = [n for n in (below, below + devices) if n > 0]
        raise ValueError(
            f"config.{key}={batch_size} does not split over {devices} devices: "
            f"use {' or '.join(map(str, legal))}."
        )
