"""The mesh of devices, and how arrays lie on it."""

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec


def data_mesh() -> Mesh:
    """All devices along one axis, "data".

    The axis is Auto: the compiler places what is inside a step, and
    `with_sharding_constraint` refuses the Explicit axes that are jax's default.

    Example:
        >>> data_mesh().axis_names
        ('data',)
    """
    return jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
    """Every device holds the whole array."""
    return NamedSharding(mesh, PartitionSpec())


def batch_split(mesh: Mesh) -> NamedSharding:
    """The first axis is split over the devices."""
    return NamedSharding(mesh, PartitionSpec("data"))


def check_batch(batch_size: int, devices: int) -> None:
    """Raises unless a batch splits evenly over the devices.

    Raises:
        ValueError: with the nearest sizes that do.
    """
    if batch_size < 1 or batch_size % devices:
        below = batch_size // devices * devices
        legal = [n for n in (below, below + devices) if n > 0]
        raise ValueError(
            f"config.batch_size={batch_size} does not split over {devices} devices: "
            f"use {' or '.join(map(str, legal))}."
        )
