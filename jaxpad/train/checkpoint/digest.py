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


SEEDS = (0x9E3779B9, 0x7F4A7C15)  # of the two sums


def array_digests(arrays: dict[str, Any]) -> dict[str, str]:
    """The digest of each array: 16 hexadecimal digits, two sums of 32 bits.

    `sum over i of f(bits(i) xor f(i xor seed)) mod 2**32`, where i is the position in
    the whole array and f, murmur3's finalizer, is one-to-one on 32 bits. So a change of
    a single element always changes its term, and with it the sum. That several changes
    cancel in both sums happens by chance, once in 2**64; in a sum of bits times weights
    two flipped signs always would. Sums of integers do not depend on their order: the
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
    terms = [_mixed(words ^ _mixed(place ^ jnp.uint32(seed))) for seed in SEEDS]
    found = jnp.stack([jnp.sum(term, dtype=jnp.uint32) for term in terms])
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


def _mixed(x: Array) -> Array:
    """The finalizer of murmur3: uint32 to uint32, one-to-one, and every bit counts."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> jnp.uint32(shift))) * jnp.uint32(factor)
    return x ^ (x >> jnp.uint32(16))
