"""A checkpoint is read by other devices, stages of ZeRO and workers, bit for bit."""

import functools
import pathlib
from typing import Any

import jax
import numpy as np
import pytest

from jaxpad.train import Job, build
from jaxpad.train.checkpoint import Checkpoints, newest_good
from jaxpad.train.checkpoint.look import load

from .jobs import launch
from .tiny import tiny_config


@functools.cache
def job(devices: int, stage: int) -> Job:
    own: Any = {"optimizer": ("adam",), "zero": stage, "zero_coverage": 0.0}
    return build(tiny_config(**own, average=0.5), jax.devices()[:devices])


@pytest.fixture(scope="module")
def state() -> Any:
    """Three steps on eight devices that split everything, as host arrays."""
    with jax.numpy_dtype_promotion("standard"):
        made = job(8, 3)
        state = made.init()
        for step in range(3):
            state, _ = made.train_step(state, made.place(made.batches[step]))
        return jax.device_get(made.placement.unpack(state))


def test_any_number_of_devices_and_any_stage(tmp_path: pathlib.Path, state: Any):
    like = [job(*which) for which in ((8, 3), (4, 1), (1, 0), (2, 2), (8, 0))]
    flat = [n for n in jax.tree.leaves(like[0].placement.layouts) if n.padded]
    assert flat, "an array is flattened"
    checkpoints = Checkpoints(tmp_path / "checkpoints", 1)
    stored = like[0].placement.store(state)
    for step, made in enumerate(like, 1):
        plain = like[step - 2 if step > 1 else 0].placement.unpack(stored)
        checkpoints.save(step, plain, wait=True)
        found = newest_good(checkpoints, made.placement.plain)
        assert found is not None
        assert found[0] == step
        stored = made.placement.store(found[1])
        assert jax.tree.map(lambda a: a.sharding, stored) == made.placement.shardings
        unpacked = made.placement.unpack(stored)
        for a, b in zip(jax.tree.leaves(unpacked), jax.tree.leaves(state), strict=True):
            np.testing.assert_array_equal(a, b)
    checkpoints.close()


@pytest.mark.slow
def test_a_run_goes_on_on_other_devices(tmp_path: pathlib.Path):
    """Real programs: two devices that split all, then one with a worker process."""
    tiny: Any = {"model": "tests.train.tiny:Linear", "trackers": "()"}
    result = launch(tmp_path, **tiny, zero=3, zero_coverage=0.0)
    assert result.returncode == 0, result.stderr
    ended = tmp_path / "checkpoints" / "22"
    ended.rename(tmp_path / "ended")
    result = launch(tmp_path, devices=1, **tiny, workers=1)
    assert result.returncode == 0, result.stderr
    assert "config.zero: saved 3, now 0" in result.stdout
    assert "config.workers: saved 0, now 1" in result.stdout
    assert "going on from step" in result.stdout
    assert list(tmp_path.glob("config-until-*.json"))
    one, other = load(tmp_path / "ended")[1], load(ended)[1]
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-4, atol=1e-6)
