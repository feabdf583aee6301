"""A run that was killed and started again ends as one that was not."""

import json
import pathlib
import random
import shutil
import signal
import subprocess
import time

import numpy as np
import orbax.checkpoint as ocp
import pytest

from jaxpad.train.checkpoint import saved_steps

from .jobs import command, environment, launch


TIMES = {
    *("images_per_second", "tokens_per_second"),
    *("step_seconds", "train_seconds", "data_wait"),
}


def final_arrays(
    workdir: pathlib.Path, like: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Of the newest checkpoint; one of other devices is read as arrays like these."""
    folder, newest = workdir / "checkpoints", newest_step(workdir)
    with ocp.StandardCheckpointer() as reader:
        arrays = reader.restore(folder.absolute() / str(newest) / "arrays", like)
    return {name: np.asarray(array) for name, array in arrays.items()}


def newest_step(workdir: pathlib.Path) -> int:
    return max(saved_steps(workdir))


def metrics(workdir: pathlib.Path) -> list[dict[str, float]]:
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines
    ]


def kill_after(workdir: pathlib.Path, steps: int) -> None:
    """Starts a run and kills it with -9 once it has logged so many steps."""
    log = workdir / "metrics.jsonl"
    process = subprocess.Popen(
        command(workdir),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(devices=2),
    )
    deadline = time.monotonic() + 300
    while not (log.exists() and log.read_bytes().count(b"\n") >= steps):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the run wrote no metrics"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    workdir = tmp_path_factory.mktemp("runs with space") / "whole"
    result = launch(workdir)
    assert result.returncode == 0, result.stderr
    return workdir


def assert_same_end(found: pathlib.Path, expected: pathlib.Path, what: str) -> None:
    arrays, references = final_arrays(found), final_arrays(expected)
    assert arrays.keys() == references.keys()
    for name, reference in references.items():
        np.testing.assert_array_equal(arrays[name], reference, f"{name}, {what}")
    assert metrics(found) == metrics(expected), what


def test_killed_run_ends_bit_equal(whole: pathlib.Path, tmp_path: pathlib.Path):
    # 22 steps and 2 evaluations make 24 lines; the last may come with the end.
    steps = random.SystemRandom().randrange(1, 20)
    kill_after(tmp_path, steps)
    with (tmp_path / "metrics.jsonl").open("a") as torn:
        torn.write('{"step": 99, "lo')
    result = launch(tmp_path)
    assert result.returncode == 0, result.stderr
    assert_same_end(tmp_path, whole, f"killed at {steps}")


@pytest.mark.slow
def test_damage_and_a_full_disk_lose_some_steps(
    whole: pathlib.Path, tmp_path: pathlib.Path
):
    run = shutil.copytree(whole, tmp_path / "run")
    (run / "checkpoints" / "22" / "manifest.json").unlink()
    # The metrics fit below the limit, a checkpoint does not.
    result = launch(run, file_kib=12)
    assert result.returncode != 0
    assert "error: cannot write the checkpoint of step 22" in result.stderr
    assert "run the same command again" in result.stderr
    assert "Traceback" not in result.stderr
    assert "manifest.json is missing. It is set aside in" in result.stderr
    assert (run / "checkpoints" / "damaged" / "22").is_dir()
    assert newest_step(run) < 22
    result = launch(run)
    assert result.returncode == 0, result.stderr
    assert_same_end(run, whole, "damaged, and the disk was full")


def test_run_writes_what_it_promises(whole: pathlib.Path):
    names = {path.name for path in whole.iterdir()}
    assert names == {
        "checkpoints",
        "config.json",
        "data_fingerprint",
        "errors.npz",
        "examples.npz",
        "lock",
        "metrics.jsonl",
        "newest_checkpoint",
        "report.html",
        "results.json",
        "tensorboard",
    }
    rows = metrics(whole)
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, 23))
    assert [row["step"] for row in rows if "test_loss" in row] == [11, 22]


def test_finished_run_started_again_changes_nothing(whole: pathlib.Path):
    before, rows = final_arrays(whole), metrics(whole)
    results = (whole / "results.json").read_text()
    result = launch(whole)
    assert result.returncode == 0, result.stderr
    assert "test accuracy" in result.stdout
    assert metrics(whole) == rows
    assert (whole / "results.json").read_text() == results
    for name, array in final_arrays(whole).items():
        np.testing.assert_array_equal(before[name], array)


def test_another_config_is_refused_and_nothing_lost(whole: pathlib.Path):
    before = final_arrays(whole)
    result = launch(whole, seed=1, padding="zero")
    assert result.returncode != 0
    assert "config.padding: saved 'partial', now 'zero'" in result.stderr
    assert "config.seed: saved 0, now 1" in result.stderr
    assert "Traceback" not in result.stderr
    assert final_arrays(whole).keys() == before.keys()


@pytest.mark.slow
def test_no_good_checkpoint_stops_the_run(whole: pathlib.Path, tmp_path: pathlib.Path):
    run = shutil.copytree(whole, tmp_path / "run")
    for path in (run / "checkpoints").glob("*/manifest.json"):
        path.unlink()
    result = launch(run)
    assert result.returncode == 6
    assert "has no good checkpoint any more" in result.stderr
    assert metrics(run) == metrics(whole)
