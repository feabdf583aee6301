"""What is not finite changes nothing, is told of, and stops a run that has too much."""

import dataclasses
import functools
import pathlib
import shutil
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from jaxpad.train import Job, NumbersError, build, replay, run
from jaxpad.train.checkpoint import saved_steps
from jaxpad.train.guard import WINDOW, Usual, is_spike, no_loss_yet, seen
from jaxpad.train.metrics import read_metrics
from tests.train.jobs import launch
from tests.train.tiny import tiny_config

from .parts import MARKED


JOB: dict[str, Any] = {"dataset": "tests.faults.parts:digits", "average": 0.9}
MODELS = ("BadLoss", "BadGradient", "BadStatistic")
QUIET = Console(quiet=True)


@functools.cache
def job(model: str, **changes) -> Job:
    return build(
        tiny_config(**JOB | {"model": f"tests.faults.parts:{model}"} | changes)
    )


def bad_step(job: Job) -> int:
    """The first step whose batch holds the white image."""
    steps = range(job.batches.steps_per_epoch)
    return next(step for step in steps if MARKED in job.batches.wanted(step))


@pytest.fixture(autouse=True)
def _standard_promotion():
    with jax.numpy_dtype_promotion("standard"):
        yield


def copied(state: Any) -> list[np.ndarray]:
    # A step donates its state.
    return [np.array(array) for array in jax.tree.leaves(state)]


@pytest.mark.parametrize("model", MODELS)
def test_a_bad_step_changes_nothing(model: str):
    each = job(model)
    # After good steps, for the average is then not where the parameters are. The first
    # changes nothing, for its learning rate is 0.
    before = each.init()
    for later in (2, 3):
        good = each.place(each.batches[bad_step(each) + later])
        before, _ = each.train_step(before, good)
    for parts in ("params", "stats", "opt_state", "average", "usual"):
        assert (getattr(before, parts) is None) == (parts == "usual")
    start = copied(before)
    batch = each.batches[bad_step(each)]
    after, metrics = each.train_step(before, each.place(batch))
    assert float(metrics["skipped"]) == 1
    assert np.isfinite(float(metrics["loss"])) == (model != "BadLoss")
    count, *rest = copied(after)
    assert count == start[0] + 1
    for was, is_now in zip(start[1:], rest, strict=True):
        np.testing.assert_array_equal(was, is_now)
    # The next one is an ordinary step.
    after, metrics = each.train_step(
        after, each.place(each.batches[bad_step(each) + 1])
    )
    assert float(metrics["skipped"]) == 0
    assert any(
        not np.array_equal(was, is_now)
        for was, is_now in zip(rest, copied(after)[1:], strict=True)
    )


def test_it_is_told_of(tmp_path: pathlib.Path):
    each = job("BadLoss")
    results = run(each, tmp_path, QUIET)
    found = read_metrics(tmp_path / "skipped.jsonl")
    steps = range(each.steps)
    expected = [s + 1 for s in steps if MARKED in each.batches.wanted(s)]
    assert [row["step"] for row in found] == expected
    assert all(f"digits/train/{MARKED} (epoch" in " ".join(r["records"]) for r in found)
    assert all(row["loss"] == "nan" for row in found)
    assert results["skipped_steps"] == len(expected) == 2


@pytest.mark.slow
def test_too_many_stop_the_run(tmp_path: pathlib.Path):
    """By the command line: the exit code, and the step again."""
    flags = {**JOB, "model": "tests.faults.parts:BadGradient", "max_skips": 0}
    result = launch(tmp_path, augment="()", **flags)
    assert result.returncode == 4, result.stderr
    (kept,) = tmp_path.glob("batch-*.npz")
    assert f"--replay={kept}" in result.stderr
    assert "config.max_skips=0" in result.stderr
    assert "Traceback" not in result.stderr
    again = launch(tmp_path, f"--replay={kept}", augment="()", **flags)
    assert again.returncode == 0, again.stderr
    assert "gradients: 1 of 2 arrays are not finite" in again.stdout
    assert "scores/kernel/value: 1 numbers" in again.stdout


def test_a_batch_is_tried_on_the_state_that_its_step_saw(tmp_path: pathlib.Path):
    """Also when the run has gone on."""
    with pytest.raises(NumbersError):
        run(job("BadGradient", max_skips=0), tmp_path, QUIET)
    (kept,) = tmp_path.glob("batch-*.npz")
    (step,) = saved_steps(tmp_path)
    each = job("BadGradient", max_skips=9, checkpoints_kept=9)
    before = replay(each, tmp_path, kept)
    run(each, tmp_path, QUIET, allow_changes=True)
    assert saved_steps(tmp_path)[-1] == each.steps > step
    assert replay(each, tmp_path, kept) == before
    shutil.rmtree(tmp_path / "checkpoints" / str(step))
    others = ", ".join(map(str, saved_steps(tmp_path)))
    text = rf"needs the checkpoint of step {step}, .*\(whole ones: {others}\)"
    with pytest.raises(ValueError, match=text):
        replay(each, tmp_path, kept)
    with pytest.raises(ValueError, match=r"as the run named it, batch-STEP\.npz"):
        replay(each, tmp_path, kept.rename(tmp_path / "mine.npz"))


def test_so_many_in_a_row(tmp_path: pathlib.Path):
    """A row that is broken by a good step is another row."""
    run(job("BadLoss", max_skips=1), tmp_path / "borne", QUIET)
    with pytest.raises(NumbersError, match="1 steps in a row"):
        run(job("BadLoss", max_skips=0), tmp_path / "not borne", QUIET)


def test_all_steps_are_bad(tmp_path: pathlib.Path):
    """The state that the last bad step saw is saved, and one batch is kept."""
    each = job("AlwaysBad", max_skips=2)
    with pytest.raises(NumbersError, match="3 steps in a row, the last of them step 3"):
        run(each, tmp_path, QUIET)
    assert [path.name for path in tmp_path.glob("batch-*")] == ["batch-3.npz"]
    assert saved_steps(tmp_path) == [3]
    assert "not finite" in replay(each, tmp_path, tmp_path / "batch-3.npz")


def test_infinite_parameters_are_not_saved(tmp_path: pathlib.Path):
    """An optimizer makes them of a gradient that is finite."""
    huge = ("sgd()", "scale(step_size=1e30)")
    each = job("Linear", checkpoint_steps=1, optimizer=huge, learning_rate=1e20)
    with pytest.raises(NumbersError, match=r"after step \d are not finite: the op"):
        run(each, tmp_path, QUIET)
    assert len(saved_steps(tmp_path)) < 2


def test_usual_loss():
    losses = np.random.default_rng(0).normal(2.0, 0.5, 60).astype(np.float32)
    usual = no_loss_yet()
    for loss in losses:
        usual = seen(usual, jnp.asarray(loss))
    np.testing.assert_allclose(usual.mean, losses.mean(), rtol=1e-5)
    np.testing.assert_allclose(usual.variance, losses.var(), rtol=1e-4)
    for loss in np.full(20 * WINDOW, 7.0, np.float32):  # all before is forgotten
        usual = seen(usual, jnp.asarray(loss))
    np.testing.assert_allclose(usual.mean, 7.0, rtol=1e-5)
    assert float(usual.variance) < 1e-4


@pytest.mark.parametrize(
    ("steps", "loss", "spike"),
    [(WINDOW, 5.1, True), (WINDOW, 4.9, False), (WINDOW - 1, 1e9, False)],
)
def test_spike(steps: int, loss: float, spike: bool):
    usual = Usual(jnp.asarray(2.0), jnp.asarray(0.25), jnp.asarray(steps))
    assert bool(is_spike(usual, jnp.asarray(loss), 6.0)) == spike


def test_a_spike_changes_nothing():
    each = job("BadLoss", skip_spikes=6.0)
    state = each.init()
    batch = each.place(each.batches[bad_step(each) + 1])
    state, metrics = each.train_step(state, batch)
    assert float(metrics["skipped"]) == 0
    assert int(state.usual.steps) == 1
    # As if the loss had been almost nothing for long.
    usual = Usual(jnp.asarray(0.1), jnp.asarray(1e-4), jnp.asarray(WINDOW))
    usual = jax.tree.map(jax.device_put, usual, each.placement.shardings.usual)
    state = dataclasses.replace(state, usual=usual)
    start = copied(state)
    state, metrics = each.train_step(state, batch)
    assert float(metrics["skipped"]) == 1
    for was, is_now in zip(start[1:], copied(state)[1:], strict=True):
        np.testing.assert_array_equal(was, is_now)
