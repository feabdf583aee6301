"""config.offload: the same training and the same checkpoints, and a plan that tells."""

import functools
import importlib.util
import pathlib
from typing import Any

import jax
import numpy as np
import pytest
from rich.console import Console

from jaxpad.train import Job, build, plan, show, topology_devices
from jaxpad.train.checkpoint import Checkpoints

from .test_plan import wide_job
from .tiny import tiny_config


able = pytest.mark.skipif(
    jax.__version_info__ < (0, 11), reason="jax 0.10 cannot on CPUs"
)
WIDE = "tests.train.test_plan:Wide"


@functools.cache
def job(there: bool) -> Job:
    return wide_job(zero=1, offload=there)


@functools.cache
def stepped(there: bool) -> Any:
    """The state after two steps."""
    made = job(there)
    state = made.init()
    for step in range(2):
        state, _ = made.train_step(state, made.place(made.batches[step]))
    return state


def kinds_of(state: Any) -> set[str]:
    arrays = (a for a in jax.tree.leaves(state) if a.ndim)
    return {a.sharding.memory_kind for a in arrays}


@able
def test_a_step_takes_and_gives_a_state_on_the_host():
    state = stepped(True)
    assert kinds_of(state.opt_state) == {"pinned_host"}
    assert kinds_of((state.params, state.stats)) == {"device"}
    leaves = map(jax.tree.leaves, (state, stepped(False)))
    for ours, theirs in zip(*leaves, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@able
@pytest.mark.parametrize("there", [True, False])
def test_a_checkpoint_is_read_with_and_without(tmp_path: pathlib.Path, there: bool):
    layouts = jax.tree.leaves(job(True).placement.layouts.opt_state)
    assert any(layout.padded for layout in layouts), "an array is flattened"
    checkpoints, other = Checkpoints(tmp_path / "run", 1), job(not there).placement
    checkpoints.save(2, job(there).placement.unpack(stepped(there)))
    restored = other.store(checkpoints.restore(2, other.plain))
    checkpoints.close()
    assert kinds_of(restored.opt_state) == {"device" if there else "pinned_host"}
    leaves = map(jax.tree.leaves, (restored, stepped(there)))
    for ours, theirs in zip(*leaves, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@able
def test_a_plan_tells_what_lies_on_the_host():
    found = plan(job(True), Console(quiet=True))
    counters = 8  # Adam's and the schedule's, scalars
    assert found.host == found.state["optimizer state"].held - counters
    assert f"of it, on the host{found.host:>58,}" in show(found)
    assert "on the host" not in show(plan(job(False), Console(quiet=True)))


def test_what_cannot_be_is_refused_by_its_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jaxpad.sharding.host.HOST", "tape")
    with pytest.raises(ValueError, match=r"config\.offload=True: a cpu has no memory"):
        wide_job(offload=True)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 3])
def test_a_tpu_holds_less_by_the_state(stage: int):
    """Between steps, up to tiles; at the peak what the update does not need at once."""
    if not importlib.util.find_spec("libtpu"):
        pytest.skip("needs libtpu")
    devices = topology_devices("v5e:2x2")
    own = {"model": f"{WIDE}(width=131072)", "optimizer": ("adam",), "zero": stage}
    here, there = (
        plan(
            build(tiny_config(**own, batch_size=1024, offload=at), devices),
            Console(quiet=True),
        )
        for at in (False, True)
    )
    assert here.host == 0
    assert there.host == pytest.approx(8 * there.parameters / (4 if stage else 1))
    assert here.arguments - there.arguments == pytest.approx(there.host, rel=0.1)
    assert there.peak < here.peak
