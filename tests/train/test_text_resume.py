"""Runs on texts that are killed, that are several processes, or one program."""

import json
import pathlib
import random
import signal
import subprocess
import sys
import time
from typing import Any

import jax
import numpy as np
import pytest

from jaxpad.batching import PACKERS
from jaxpad.train import Stop, build, read_sweep, run
from jaxpad.train.replay import _batch
from jaxpad.train.sweep import runs_of, together
from jaxpad.train.sweep.words import with_overrides

from .jobs import ROOT, environment
from .test_processes import rows, train_together
from .test_resume import assert_same_end, final_arrays, metrics
from .test_text_run import QUIET, SMALL, config


def test_a_batch_of_any_width_can_be_replayed(tmp_path: pathlib.Path):
    job = build(config(batching="longest(multiple=4)", batch_size=8))
    widths, path = set(), tmp_path / "batch.npz"
    for step in range(1, len(job.batches) + 1):
        batch = job.batches[step - 1]
        np.savez(path, **batch)
        np.testing.assert_equal(_batch(path, job, step), batch)
        widths.add(batch["tokens"].shape[1])
    assert len(widths) > 1


def command(folder: pathlib.Path, *flags: str, **changes: Any) -> list[str]:
    """The command line that trains `config(**changes)` in a folder."""
    keys = [f"--config.{key}={value}" for key, value in (SMALL | changes).items()]
    path = ROOT / "configs" / "bert_text.py"
    line = [sys.executable, str(ROOT / "launch.py"), f"--config={path}"]
    return [*line, f"--workdir={folder}", *keys, *flags]


def launch(folder: pathlib.Path, **changes: Any) -> None:
    line, env = command(folder, **changes), environment(devices=2)
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_kill_9_changes_nothing(workers: int, tmp_path: pathlib.Path):
    changes: Any = {"checkpoint_steps": 3, "workers": workers}
    launch(tmp_path / "whole", **changes)
    killed = tmp_path / "killed"
    steps = random.SystemRandom().randrange(
        1, len(metrics(tmp_path / "whole")) - 4
    )  # the last may come with the end
    with subprocess.Popen(
        command(killed, **changes), stdout=subprocess.DEVNULL, env=environment(2)
    ) as process:
        log, deadline = killed / "metrics.jsonl", time.monotonic() + 300
        while not (log.exists() and log.read_bytes().count(b"\n") >= steps):
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline, "it wrote no metrics"
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    launch(killed, **changes)
    assert_same_end(killed, tmp_path / "whole", f"killed at {steps}")


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path: pathlib.Path):
    one, two = tmp_path / "one", tmp_path / "two"
    launch(one)
    train_together(command(two))
    ours = final_arrays(one)
    theirs = final_arrays(two, ours)
    for name, array in ours.items():
        np.testing.assert_allclose(theirs[name], array, rtol=1e-3, atol=1e-4)
    for ours, theirs in zip(rows(one), rows(two), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5)
    found = [json.loads((folder / "results.json").read_text()) for folder in (one, two)]
    for key in ("examples", "tokens"):
        assert found[0]["test"][key] == found[1]["test"][key]
    # Some of the texts lie on the other process.
    texts = [
        json.loads((folder / "examples.json").read_text()) for folder in (one, two)
    ]
    assert texts[0] == texts[1]


def by_process(lengths: np.ndarray, capacity: int, **options: Any) -> np.ndarray:
    """A packer that decides otherwise in each process."""
    name = ("first_fit_decreasing", "next_fit")[jax.process_index()]
    return PACKERS[name](lengths, capacity, **options)


@pytest.mark.slow
def test_processes_that_pack_otherwise_are_refused(tmp_path: pathlib.Path):
    batching = f"packed(packer='{__name__}:by_process')"
    for errors in train_together(command(tmp_path, batching=batching), code=2):
        assert "the processes have other texts, or other rows of them" in errors
        assert "take first_fit_decreasing" in errors


@pytest.fixture
def _standard_promotion_in_threads():
    """Where the context of these tests does not reach."""
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    yield
    jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.mark.slow
@pytest.mark.usefixtures("_standard_promotion_in_threads")
@pytest.mark.parametrize("batching", ["packed", "longest(multiple=4)"])
def test_one_program_learns_what_runs_learn_alone(
    batching: str, tmp_path: pathlib.Path
):
    """But for rounding; also where seeds have rows of other lengths at one step."""
    given = config(batching=batching, mesh={"data": 1})
    runs = runs_of(given, read_sweep(["seed=0:2"], given), tmp_path / "one")
    assert together(given, runs, Stop()) == [None, None]
    for each, device in zip(runs, jax.devices(), strict=False):
        job = build(with_overrides(given, each.overrides), [device])
        alone = tmp_path / each.folder.name
        run(job, alone, QUIET)
        for row, own in zip(rows(each.folder), rows(alone), strict=True):
            assert row == pytest.approx(own, rel=1e-4, abs=1e-6)
    one, two = (rows(each.folder)[-2]["loss"] for each in runs)
    assert abs(one - two) > 1e-3 * one  # they are two seeds
