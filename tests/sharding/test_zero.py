"""Every stage of ZeRO learns what one device learns, and holds a part of the state."""

import functools
import os
import pathlib
import platform
import subprocess
import sys
import types
from typing import Any

import jax
import numpy as np
import optax
import pytest
from flax import nnx
from jax.sharding import AbstractMesh

from jaxpad.models import MODELS
from jaxpad.sharding import (
    STAGES,
    check_processes,
    data_mesh,
    describe,
    make_mesh,
    zero,
)

from .problems import ELEMENTWISE, OTHERS, start, trained


@pytest.fixture(autouse=True)
def _promotion():
    """Optax's own arithmetic relies on it."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="asks for x86 without FMA")
def test_elementwise_optimizers_end_bit_equal():
    """On a processor that cannot fuse a multiplication with an addition.

    Fused, one of them is not rounded, and the compiler fuses them here and not there:
    the last bit may differ then, with no difference in what is computed.
    """
    flags = "--xla_force_host_platform_device_count=8 --xla_cpu_max_isa=AVX"
    said = subprocess.run(
        [sys.executable, "-m", "tests.sharding.problems"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"XLA_FLAGS": flags},
        cwd=pathlib.Path(__file__).parents[2],
    )
    assert said.stdout == "0 of 18\n"


@pytest.mark.parametrize("stage", sorted(STAGES))
@pytest.mark.parametrize("name", [*ELEMENTWISE, *OTHERS])
def test_every_stage_ends_as_one_device(name: str, stage: int):
    alone, _ = trained(name, 0, devices=1)
    for ours, theirs in zip(
        *map(jax.tree.leaves, (trained(name, stage)[0], alone)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", ["momentum", "adam", "clipped", "lars", "lamb"])
def test_a_device_holds_its_part_of_the_state(name: str):
    whole, part = (trained(name, stage)[1] for stage in (0, 1))
    before, after = (
        sum(a.addressable_shards[0].data.nbytes for a in jax.tree.leaves(state))
        for state in (whole, part)
    )
    # Three arrays are filled up to multiples of eight.
    assert before / 8 <= after < 1.02 * before / 8 + 16


@functools.cache
def resnet50() -> Any:
    net = nnx.eval_shape(lambda: MODELS["resnet50"](3, 1000, rngs=nnx.Rngs(0)))
    return nnx.state(net, nnx.Param)


@pytest.mark.every
@pytest.mark.parametrize("devices", [8, 64, 1024])
@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_resnet50_is_covered(name: str, devices: int):
    mesh = AbstractMesh((devices,), ("data",))
    split = zero(ELEMENTWISE[name](), resnet50(), mesh, least=0.98)
    assert 0.98 <= split.coverage <= 1
    assert split.reason is None


def test_coverage_is_as_documented():
    rows: dict[str, list[str]] = {"coverage": [], "axis": [], "flattened": []}
    for devices in (8, 64, 1024):
        mesh = AbstractMesh((devices,), ("data",))
        split = zero(ELEMENTWISE["adam"](), resnet50(), mesh)
        layouts = jax.tree.leaves(split.state_layouts)
        flat = sum(layout.padded is not None for layout in layouts)
        parts = sum("data" in layout.spec for layout in layouts)
        rows["coverage"].append(f"{split.coverage:.3f}")
        rows["axis"].append(str(parts - flat))
        rows["flattened"].append(str(flat))
    text = (pathlib.Path(__file__).parents[2] / "docs/sharding.md").read_text()
    for row in rows.values():
        assert f" | {' | '.join(row)} |" in text, row


def test_a_count_of_steps_is_no_state_to_split():
    chain = optax.sgd(optax.constant_schedule(0.1))
    assert zero(chain, start(), data_mesh(), least=1.0).coverage == 1


def test_what_is_left_whole_is_an_error_and_says_why():
    mesh = AbstractMesh((1024,), ("data",))
    with pytest.raises(ValueError, match=r"at least 0.9 was .* reduce_sum"):
        zero(optax.adafactor(0.1), resnet50(), mesh)


def test_table_says_what_lies_where():
    split = zero(optax.sgd(0.1, momentum=0.9), start(), data_mesh(), stage=2)
    rows = [line.split() for line in describe(split, start()).splitlines()]
    sizes = [24 * 13, 3 * 3 * 13 * 17, 7]
    held = sum(-(-n // 8) for n in sizes)
    assert rows[0][:3] == ["zero", "2", "bytes"]
    whole = f"{4 * sum(sizes):,}"
    assert rows[1] == ["parameters", whole, whole, "0.125", "0", "0", "3"]
    assert rows[2][:3] == ["gradients", whole, f"{4 * held:,}"]
    assert rows[2][4:] == ["1", "2", "0"]
    assert rows[3][2:4] == [whole, f"{4 * held:,}"]
    kept = zero(optax.centralize(), start(), data_mesh(), least=0.0)
    assert "Arrays keep their shapes" in describe(kept, start())


def test_unknown_stage():
    with pytest.raises(ValueError, match=r"zero=4: expected one of \[0, 1, 2, 3\]"):
        zero(optax.sgd(0.1), start(), data_mesh(), stage=4)


@pytest.mark.parametrize("sizes", [{"data": 3}, {"data": -1, "model": -1}, {"data": 0}])
def test_mesh_that_does_not_fit(sizes: dict[str, int]):
    with pytest.raises(ValueError, match="does not fit 8 devices"):
        make_mesh(sizes)


def test_mesh_takes_what_is_left():
    assert dict(make_mesh({"data": -1, "model": 2}).shape) == {"data": 4, "model": 2}


def test_devices_of_two_processes_share_no_example():
    of = types.SimpleNamespace
    devices = np.array([of(process_index=n // 4) for n in range(8)])
    check_processes(devices.reshape(2, 2, 2))
    with pytest.raises(ValueError, match="lets 8 devices share an example"):
        check_processes(devices.reshape(1, 4, 2))


def test_a_mesh_of_some_devices():
    some = jax.devices()[4:6]
    assert list(make_mesh({"data": -1}, some).devices.flat) == some
    with pytest.raises(ValueError, match="does not fit 2 devices"):
        make_mesh({"data": 8}, some)
