"""A plan tells what the compiled step takes, and what to change if it is too much."""

import dataclasses
import functools
import json
import pathlib
import types
from typing import Any

import jax
import pytest
from flax import nnx
from rich.console import Console

from jaxpad.train import Plan, build, plan, show, topology_devices, write_plan
from jaxpad.train.chips import CHIPS, Chip, chip_of
from jaxpad.train.compiled import collectives
from jaxpad.train.placement import Placement
from jaxpad.train.room import advice

from .tiny import tiny_config


# What each stage of ZeRO splits over the devices, written down once more.
SPLIT = {
    0: (),
    1: ("optimizer state",),
    2: ("optimizer state", "gradients"),
    3: ("optimizer state", "gradients", "parameters"),
}
WIDTH = 509  # a prime: some arrays are flattened and padded


class Wide(nnx.Module):
    """Two layers whose parameters are larger than everything else."""

    def __init__(
        self, channels: int, classes: int, *, width: int = WIDTH, padding, dtype, rngs
    ):
        self.inner = nnx.Linear(64 * channels, width, dtype=dtype, rngs=rngs)
        self.scores = nnx.Linear(width, classes, dtype=dtype, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        return self.scores(nnx.relu(self.inner(images.reshape(images.shape[0], -1))))


def wide_job(**changes: Any) -> Any:
    own = {"model": f"{__name__}:Wide", "optimizer": ("adam",), "learning_rate": 1e-3}
    return build(tiny_config(**(own | changes)))


def quiet() -> Console:
    return Console(quiet=True)


@functools.cache
def planned(stage: int) -> Plan:
    return plan(wide_job(zero=stage), quiet())


@pytest.mark.parametrize("stage", sorted(SPLIT))
def test_the_compiled_step_holds_what_the_formula_says(stage: int):
    found = planned(stage)
    numbers = 64 * WIDTH + WIDTH + WIDTH * 10 + 10
    whole = {"parameters": 4, "gradients": 4, "optimizer state": 8}
    expected = {
        name: size * numbers / (8 if name in SPLIT[stage] else 1)
        for name, size in whole.items()
    }
    for name, size in expected.items():
        assert found.state[name].formula == pytest.approx(size, rel=1e-3)
        assert found.state[name].held == pytest.approx(size, rel=0.02)
    arguments = expected["parameters"] + expected["optimizer state"]
    assert found.arguments == pytest.approx(
        arguments + found.other + found.batch, rel=0.02
    )
    assert found.peak == found.arguments + found.activations
    assert found.activations > 0


def test_what_is_split_is_gathered_again():
    assert set(planned(0).collectives) == {"all-reduce"}
    count, size = planned(3).collectives["all-gather"]
    assert count >= 1
    assert size >= 0.9 * planned(3).state["parameters"].whole


HLO = """
  %a = (f32[16]{0:T(128)S(1)}, bf16[2,3]{1,0}) all-reduce(%x, %y), channel_id=2, \
replica_groups=mesh['data'=4,'model'=2] {'data'}, to_apply=%region
  %b = ((f32[8]{0}), (f32[64]{0})) all-gather-start(%x), replica_groups={{0,1}}
  %c = f32[64]{0} all-gather-done(%b)
  %d = f32[10]{0} reduce-scatter(%x), replica_groups=[2,4]<=[8], dimensions={0}
  %e = f32[10]{0} reduce-scatter(%x), \
replica_groups=mesh['data'=4,'model'=2] {'data','model'}, dimensions={0}
  %f = pred[7]{0} collective-permute(%x), source_target_pairs={{0,1},{1,0}}
  %g = f32[9]{0} fusion(%x), calls=%all-reduce.1
"""


def test_collectives_are_read_from_a_program():
    assert collectives(HLO) == {
        "all-gather": (1, 64 * 4),
        "all-reduce": (1, 16 * 4 + 6 * 2),
        "collective-permute": (1, 7),
        "reduce-scatter": (2, 4 * 10 * 4 + 8 * 10 * 4),
    }


def test_it_is_written_and_shown(tmp_path: pathlib.Path):
    found = planned(1)
    path = write_plan(found, tmp_path / "new")
    assert path == tmp_path / "new" / "plan.json"
    read = json.loads(path.read_text())
    assert read["state"]["optimizer state"] == found.state["optimizer state"]._asdict()
    assert read["collectives"] == {k: [*v] for k, v in found.collectives.items()}
    assert read["chip"] is None
    assert {field.name for field in dataclasses.fields(Plan)} == set(read)
    shown = show(found)
    assert "8 x cpu (data 8), zero 1" in shown
    assert f"{found.peak:,}" in shown
    assert "What cpu can do is not known" in shown


def test_what_was_compiled_is_not_compiled_again(tmp_path: pathlib.Path):
    job, console = wide_job(), Console(record=True, quiet=False, width=200)
    first = plan(job, console, tmp_path)
    assert "compiled the training step in" in console.export_text()
    assert plan(job, console, tmp_path) == first
    said = console.export_text()
    assert "compiled before" in said
    assert "compiled the" not in said
    plan(wide_job(zero=1), console, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    for path in tmp_path.iterdir():
        path.write_text("{")
    assert plan(job, quiet(), tmp_path) == first


def with_chip(patch: pytest.MonkeyPatch, memory: float) -> None:
    patch.setitem(CHIPS, "cpu", Chip(memory, 1e9, 1e6))


@pytest.mark.slow
def test_a_larger_batch_is_extrapolated(monkeypatch: pytest.MonkeyPatch):
    large = plan(wide_job(batch_size=1024), quiet())
    with_chip(monkeypatch, large.peak)
    small = plan(wide_job(batch_size=512), quiet())
    assert small.largest_batch is not None
    assert small.largest_batch % 8 == 0
    assert small.largest_batch == pytest.approx(1024, rel=0.25)
    assert small.seconds == max(small.flops / 1e9, small.moved / 1e6)
    assert "bound by memory" in show(small)


def test_a_step_that_is_too_large_is_planned_with_advice(
    monkeypatch: pytest.MonkeyPatch,
):
    with_chip(monkeypatch, 1e5)
    found = plan(wide_job(), quiet())
    assert not found.fits
    assert found.largest_batch == 0
    assert "are missing. What helps:\n  --config.batch_size=64:" in show(found)


def test_parts_in_a_loop_are_said_to_count_once(monkeypatch: pytest.MonkeyPatch):
    job = wide_job(parts=2)
    assert not plan(job, quiet()).notes
    monkeypatch.setattr(Placement, "platform", "tpu")
    (note,) = plan(job, quiet()).notes
    assert "those of one of 2 parts of the batch" in note


class Refused:
    """A program that the compiler refuses."""

    def __init__(self, reason: str):
        self.reason = reason

    def __call__(self, *arrays: Any) -> Any:
        raise NotImplementedError

    def lower(self, *shapes: Any) -> "Refused":
        return self

    def compile(self) -> Any:
        raise jax.errors.JaxRuntimeError(self.reason)


@pytest.mark.parametrize(
    "said",
    [
        "Ran out of memory on HBM, the total memory required for HLO temporaries "
        "(60.38G) exceeds available HBM (15.75G). HLO module: jit_step.",
        "XLA:TPU compile permanent error. Ran out of memory in memory space hbm. Used "
        "60.38G of 15.75G hbm. Exceeded hbm capacity by 44.63G.",
    ],
)
def test_running_out_of_memory_is_explained(said: str):
    refused: Any = Refused(f"RESOURCE_EXHAUSTED: {said}")
    job = dataclasses.replace(wide_job(), train_step=refused)
    with pytest.raises(ValueError, match=r"44\.6 GiB are missing") as caught:
        plan(job, quiet())
    lines = str(caught.value).splitlines()
    assert "needs 60.4 GiB of a device's memory, which has 15.8 GiB" in lines[0]
    assert [line.split(":")[0].strip() for line in lines[1:5]] == [
        "--config.batch_size=64",
        "--config.parts=2",
        "--config.dtype=bfloat16",
        "--config.zero=1",
    ]
    assert "--config.mesh.spatial=2" in lines[5]
    assert "--config.mesh.model=2" in lines[6]


def test_another_error_of_the_compiler_is_not_hidden():
    refused: Any = Refused("INTERNAL: a bug")
    job = dataclasses.replace(wide_job(), train_step=refused)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL: a bug"):
        plan(job, quiet())


def test_only_what_is_possible_is_advised():
    config = {"batch_size": 24, "parts": 3, "zero": 3, "dtype": "bfloat16"}
    found = advice(config, {"data": 8})
    assert len(found) == 3
    assert found[-1] == "more devices"


def device(kind: str, place: int) -> Any:
    return types.SimpleNamespace(device_kind=kind, coords=(place,), id=0)


def test_two_devices_share_a_chip():
    assert chip_of([device("TPU v5 lite", n) for n in range(2)]) == CHIPS["TPU v5 lite"]
    halves = chip_of([device("TPU v4", n // 2) for n in range(4)])
    assert halves is not None
    assert halves.memory == CHIPS["TPU v4"].memory / 2
    assert chip_of([device("abacus", 0)]) is None


def test_topology_without_libtpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TPU_LIBRARY_PATH", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "jaxpad\[tpu_compile\]"'):
        topology_devices("v5e:4x4")


def test_unknown_topology(monkeypatch: pytest.MonkeyPatch):
    def refuse(name: str, platform: str) -> Any:
        raise RuntimeError("INVALID_ARGUMENT: Invalid TPU external name: TPU v9")

    for name in ("TPU_LIBRARY_PATH", "TPU_SKIP_MDS_QUERY", "TPU_WORKER_HOSTNAMES"):
        monkeypatch.setenv(name, "as it is")
    monkeypatch.setenv("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    monkeypatch.setattr("jax.experimental.topologies.get_topology_desc", refuse)
    with pytest.raises(ValueError, match="--topology=v9:2x2: Invalid TPU") as caught:
        topology_devices("v9:2x2")
    assert "such as v2:2x2, v3:4x4" in str(caught.value)
