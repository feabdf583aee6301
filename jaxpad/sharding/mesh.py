"""The mesh of devices, and how arrays lie on it."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from ..conv import IMAGE_AXES


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


def batch_split(mesh: Mesh, shape: Sequence[int] = ()) -> NamedSharding:
    """The first axis is split over the devices; of images, rows and columns too.

    Args:
        mesh: with an axis "data", and perhaps "spatial" and "columns".
        shape: of the array; images are those of three axes or more, whole along an
            axis that the devices cannot share evenly.

    Example:
        >>> mesh = make_mesh({"data": -1, "spatial": 4})
        >>> tuple(batch_split(mesh, (32, 64, 64, 3)).spec)
        ('data', 'spatial', None)
        >>> tuple(batch_split(mesh, (32,)).spec)
        ('data',)
    """
    axes = ["data"]
    if len(shape) >= 3:
        axes += [
            name if name in mesh.shape and n % mesh.shape[name] == 0 else None
            for name, n in zip(IMAGE_AXES, shape[1:], strict=False)
        ]
    return NamedSharding(mesh, PartitionSpec(*axes))


def spread(mesh: Mesh, batch: Any) -> Any:
    """Arrays over the devices of all processes, from the part that each has read.

    Args:
        mesh: over which `batch_split` says how the whole arrays lie.
        batch: a pytree of NumPy arrays, equal parts of the whole in the order of the
            processes.

    Returns:
        The same pytree of whole arrays.

    Example:
        >>> whole = spread(data_mesh(), {"label": np.arange(8)})
        >>> whole["label"].shape
        (8,)
    """

    def place(part: np.ndarray) -> jax.Array:
        split = batch_split(mesh, part.shape)
        return jax.make_array_from_process_local_data(split, part)

    return jax.tree.map(place, batch)


def spread_shapes(mesh: Mesh, batch: Any) -> Any:
    """Shapes of what `spread` makes, with their sharding; no device is needed.

    Args:
        mesh: as for `spread`.
        batch: a pytree of NumPy arrays, this process's part of the whole.

    Example:
        >>> spread_shapes(data_mesh(), {"label": np.arange(8)})["label"].shape
        (8,)
    """

    def shape(part: np.ndarray) -> jax.ShapeDtypeStruct:
        records = len(part) * jax.process_count()
        dtype = jax.dtypes.canonicalize_dtype(part.dtype)
        shape = (records, *part.shape[1:])
        return jax.ShapeDtypeStruct(shape, dtype, sharding=batch_split(mesh, shape))

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


def check_images(mesh: Mesh, shape: Sequence[int], key: str) -> None:
    """Raises unless the devices share the rows and columns of images evenly.

    Args:
        mesh: of devices.
        shape: of the images, `[batch, height, width, channels]`.
        key: of the config that says their size, for the message.

    Raises:
        ValueError: with the nearest sizes that they do.
    """
    for name, what, cells in zip(
        IMAGE_AXES, ("rows", "columns"), shape[1:3], strict=True
    ):
        devices = mesh.shape.get(name, 1)
        if cells % devices:
            below = cells // devices * devices
            legal = [n for n in (below, below + devices) if n > 0]
            raise ValueError(
                f"config.mesh.{name}={devices} does not divide the {cells} {what} of "
                f"the images that config.{key} makes: use "
                f"{' or '.join(map(str, legal))}, better a multiple of {devices} times "
                "the model's strides, as maps that the devices cannot share are whole "
                "on each."
            )


def check_processes(devices: np.ndarray) -> None:
    """Raises unless the devices that share an example belong to one process.

    A process reads whole examples, and no other reads the same.

    Args:
        devices: of a mesh, whose first axis is "data".

    Raises:
        ValueError: with what to change.
    """
    for group in devices.reshape(len(devices), -1):
        if len({device.process_index for device in group}) > 1:
            raise ValueError(
                f"config.mesh lets {len(group)} devices share an example, and they "
                "belong to several processes, of which each reads examples of its own: "
                "use no more than a process has, or start one process for them."
            )


def under(mesh: Mesh, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function to be jitted, whose windows see how the mesh splits images.

    An argument at least must lie on the mesh's devices, or `jax.jit` compiles for one
    device alone, and fails: `jax.device_put(x, batch_split(mesh, x.shape))`.

    Args:
        mesh: whose axes "spatial" and "columns" split images.
        function: of positional arguments.

    Example:
        >>> from jaxpad.conv import split_image
        >>> mesh = make_mesh({"data": 1, "spatial": -1})
        >>> x = jax.device_put(np.ones((1, 16, 4, 1)), replicated(mesh))
        >>> y = jax.jit(under(mesh, split_image))(x)
        >>> y.addressable_shards[0].data.shape
        (1, 2, 4, 1)
    """

    if mesh.size == 1:  # nothing is split, unless by a mesh that the caller has set
        return function

    @functools.wraps(function)
    def traced(*args: Any) -> Any:
        with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
            return function(*args)

    return traced
