"""Digests of arrays, wherever their parts lie, and of files."""

import functools
import hashlib
import os
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from ...typing import AnyArray, Array


# Odd numbers with bits all over, from murmur3's finalizer, and two to begin with.
MIX = (0x85EBCA6B, 0xC2B2AE35)
SEEDS = (0x9E3779B9, 0x7F4A7C15)


def array_digests(arrays: dict[str, Any]) -> dict[str, str]:
    """The digest of each array: 16 hexadecimal digits, two sums of 32 bits.

    `sum over i of w(i) * bits(i) mod 2**32`, with an odd weight that depends on the
    position i in the whole array. An odd number has an inverse modulo 2**32, so a
    change of a single element always changes the sum. Elements that change places
    change it because their weights differ; that two changes cancel in both sums at once
    happens by chance once in 2**64. Sums of integers do not depend on their order: the
    digest is the same for every sharding, number of devices and of hosts.

    Args:
        arrays: by name, also typed random keys; all processes of a cluster call this.
    """
    sums = {name: _sums(array, _everywhere(array)) for name, array in arrays.items()}
    found = jax.device_get(sums)
    return {name: "".join(f"{n:08x}" for n in both) for name, both in found.items()}


def file_digest(path: pathlib.Path, *, sync: bool = False) -> str:
    """The SHA-256 of a file; with `sync`, the file is on the disk after that."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if sync:
            os.fsync(file.fileno())
    return found


def _everywhere(array: Any) -> NamedSharding | None:
    """Where all processes can read a number that was made of an array."""
    sharding = getattr(array, "sharding", None)
    if not isinstance(sharding, NamedSharding):
        return None
    return NamedSharding(sharding.mesh, PartitionSpec())


@functools.partial(jax.jit, static_argnames="where")
def _sums(array: Any, where: NamedSharding | None) -> Array:
    # Of an optimizer's state that lies on the host.
    array = jax.device_put(array, jax.memory.Space.Device)
    words = _words(array)
    place = jnp.zeros((), jnp.uint32)
    for axis, size in enumerate(words.shape):
        number = jax.lax.broadcasted_iota(jnp.uint32, words.shape, axis)
        place = place * jnp.uint32(size % 2**32) + number
    sums = [jnp.sum(words * _weights(place, s), dtype=jnp.uint32) for s in SEEDS]
    found = jnp.stack(sums)
    return found if where is None else jax.lax.with_sharding_constraint(found, where)


def _words(array: AnyArray) -> Array:
    """The bits of an array as uint32, in order."""
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    if array.dtype == bool:
        array = jnp.asarray(array, jnp.uint8)
    size = array.dtype.itemsize
    unsigned = {1: jnp.uint8, 2: jnp.uint16, 4: jnp.uint32, 8: jnp.uint32}[size]
    return jax.lax.bitcast_convert_type(array, unsigned).astype(jnp.uint32)


def _weights(place: Array, seed: int) -> Array:
    """Odd numbers that look random: murmur3's finalizer of a position."""
    mixed = place ^ jnp.uint32(seed)
    for shift, factor in zip((16, 13), MIX, strict=True):
        mixed = (mixed ^ (mixed >> jnp.uint32(shift))) * jnp.uint32(factor)
    return (mixed ^ (mixed >> jnp.uint32(16))) | jnp.uint32(1)
