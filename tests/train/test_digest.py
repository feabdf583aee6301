"""The digest of an array: of its values alone, and other for every change."""

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jaxpad.sharding import make_mesh
from jaxpad.train.checkpoint.digest import array_digests


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "uint8", "bool", "int32"])
def test_a_digest_depends_on_values_alone(dtype: str):
    draw = np.random.default_rng(0)
    numbers = draw.integers(0, 2, (16, 24)).astype(dtype)
    mesh = make_mesh({"data": 4, "model": 2}, jax.devices()[:8])
    places = [(), ("data",), ("model", "data"), (None, ("data", "model"))]
    digests = {
        array_digests(
            {"x": jax.device_put(numbers, NamedSharding(mesh, PartitionSpec(*where)))}
        )["x"]
        for where in places
    } | {array_digests({"x": numbers})["x"]}
    assert len(digests) == 1


def test_a_digest_finds_every_flipped_bit():
    x = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
    x[0, 0] = 0.0
    digests = {array_digests({"x": x})["x"]}
    for place in np.ndindex(x.shape):
        for bit in range(32):
            changed = x.copy()
            changed.view(np.uint32)[place] ^= np.uint32(1) << np.uint32(bit)
            digests.add(array_digests({"x": changed})["x"])
    assert len(digests) == 1 + 32 * x.size, "also the sign of a zero"


def test_a_digest_finds_changes_that_sums_could_miss():
    x = np.arange(24.0, dtype=np.float32).reshape(4, 6)
    signs = x.copy()
    signs[1, 2:4] *= -1
    moved = [x[::-1], x[:, ::-1], x.T.reshape(4, 6), np.roll(x, 1), x[[1, 0, 2, 3]]]
    ones = [np.ones(4, np.float32), np.zeros(4, np.float32), -np.zeros(4, np.float32)]
    found = [array_digests({"x": y})["x"] for y in (x, -x, signs, *moved, *ones)]
    assert len(set(found)) == len(found)
