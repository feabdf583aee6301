"""The optimizer's state in the hosts' memory: the same numbers, elsewhere."""

from typing import Any

import jax
import numpy as np
import optax
import pytest
from jax.sharding import AbstractMesh

from jaxpad.sharding import (
    STAGES,
    Zero,
    batch_split,
    data_mesh,
    describe,
    offload,
    zero,
)

from .problems import STEPS, loss, start


# XLA for CPUs can use the memory from then on.
OLD = jax.__version_info__ < (0, 11)
able = pytest.mark.skipif(OLD, reason="jax 0.10 cannot on CPUs")


@pytest.fixture(autouse=True)
def _promotion():
    """Optax's own arithmetic relies on it."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def made(stage: int) -> Zero:
    chain = optax.chain(optax.clip_by_global_norm(0.01), optax.adam(1e-2))
    return zero(chain, start(), data_mesh(), stage=stage)


def trained(split: Zero) -> tuple[Any, Any, int]:
    """Parameters and state after some steps, and how often they were compiled."""
    stored, state = split.init(start())
    x = jax.random.normal(jax.random.key(1), (16, 24))
    x = jax.device_put(x, batch_split(data_mesh()))

    def one(stored: Any, state: Any, x: jax.Array) -> tuple[Any, Any]:
        grads = jax.grad(loss)(split.whole(stored), x)
        return split.update(split.gradients(grads), state, stored)

    step: Any = jax.jit(one)
    for _ in range(STEPS):
        stored, state = step(stored, state, x)
    return jax.jit(split.whole)(stored), state, step._cache_size()


@able
@pytest.mark.parametrize("stage", sorted(STAGES))
def test_the_state_stays_on_the_host_and_learns_the_same(stage: int):
    plain, there = made(stage), offload(made(stage))
    expected, on_device, _ = trained(plain)
    params, state, compiled = trained(there)
    assert compiled == 1
    for ours, theirs in zip(
        *map(jax.tree.leaves, ((params, state), (expected, on_device))), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    kinds = {(a.ndim > 0, a.sharding.memory_kind) for a in jax.tree.leaves(state)}
    assert kinds == {(True, "pinned_host"), (False, "device")}
    assert {a.sharding.memory_kind for a in jax.tree.leaves(params)} == {"device"}
    assert there.offloaded
    assert not plain.offloaded


@able
def test_the_state_begins_on_the_host_flat_and_split():
    split = offload(made(1))
    _, state = split.init(start())
    flat = [a for a in jax.tree.leaves(state) if a.ndim == 1]
    assert flat, "an array is flattened"
    for array in flat:
        assert array.sharding.memory_kind == "pinned_host"
        assert array.addressable_shards[0].data.size == array.size / 8


@able
def test_the_table_says_where_it_lies():
    said = "Between steps the optimizer's state lies in the hosts' memory."
    assert describe(offload(made(1)), start()).endswith(said)
    assert said not in describe(made(1), start())


def test_a_device_without_such_a_memory_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jaxpad.sharding.host.HOST", "tape")
    with pytest.raises(
        ValueError, match=r"a cpu has no memory 'tape', only \['device'"
    ):
        offload(made(1))


class Refused:
    """A program that the compiler refuses."""

    def compile(self) -> Any:
        raise jax.errors.JaxRuntimeError("UNIMPLEMENTED: Side-effect ops: %a = f32[]")


def test_a_compiler_that_cannot_use_it_is_told(monkeypatch: pytest.MonkeyPatch):
    if not OLD:
        monkeypatch.setattr("jaxpad.sharding.host._probe", lambda mesh: Refused())
    with pytest.raises(ValueError, match=r"of jax .* cannot place .*Side-effect ops"):
        offload(made(1))


def test_a_mesh_without_devices_has_any_memory():
    """To see what would lie where."""
    split = zero(optax.adam(1e-2), start(), AbstractMesh((8,), ("data",)))
    assert offload(split).offloaded
