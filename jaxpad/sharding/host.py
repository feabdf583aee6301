"""The optimizer's state in the memory of the hosts, which is larger and slower."""

import dataclasses
from typing import Any

import jax
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from .layout import HOST
from .stages import Zero


def offload(split: Zero) -> Zero:
    """Keeps the optimizer's state in the hosts' memory between uses.

    `update` copies it to the devices and back; what it computes is the same. Numbers
    that are no arrays, such as the count of steps, stay on the devices.

    Args:
        split: from `zero`, of any stage.

    Returns:
        The same, with other layouts of the state.

    Raises:
        ValueError: if the devices have no such memory, or the compiler cannot use it.

    Example:
        >>> import optax
        >>> from jaxpad.sharding import data_mesh, zero
        >>> params = {"kernel": jax.numpy.ones((8, 8))}
        >>> split = zero(optax.sgd(0.1, 0.9), params, data_mesh())
        >>> {layout.host for layout in jax.tree.leaves(split.state_layouts)}
        {False}

    "ZeRO-Offload: Democratizing Billion-Scale Model Training" (Ren et al., 2021) also
    computes the update there; here the devices do.
    """
    if not isinstance(split.mesh, AbstractMesh):
        _check(split.mesh)
    layouts = jax.tree.map(
        lambda layout: dataclasses.replace(layout, host=bool(layout.shape)),
        split.state_layouts,
    )
    return dataclasses.replace(split, state_layouts=layouts)


def _check(mesh: Mesh) -> None:
    device = mesh.devices.flat[0]
    kinds = [memory.kind for memory in device.addressable_memories()]
    if HOST not in kinds:
        raise ValueError(
            f"a {device.device_kind} has no memory {HOST!r}, only {sorted(kinds)}: "
            "leave the optimizer's state on the devices."
        )
    try:
        _probe(mesh).compile()
    except jax.errors.JaxRuntimeError as error:
        raise ValueError(
            f"the compiler of jax {jax.__version__} cannot place arrays in the memory "
            f"{HOST!r} of a {device.device_kind} ({str(error).partition(' = ')[0]}): "
            "leave the optimizer's state on the devices, or use a later jax."
        ) from error


def _probe(mesh: Mesh) -> Any:
    """A program that fails where others would: not every compiler that knows of a
    memory can use it on several devices (XLA for CPUs, until jax 0.10)."""
    device = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    host = device.with_memory_kind(HOST)
    like = jax.ShapeDtypeStruct((mesh.size,), "float32", sharding=device)
    return jax.jit(lambda x: jax.device_put(x, host), out_shardings=host).lower(like)
