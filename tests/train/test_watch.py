"""Of two processes that train together, one dies, stalls or fails: real signals."""

import contextlib
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from jaxpad.train.checkpoint import saved_steps

from .jobs import ROOT, command, environment, launch
from .test_processes import free_port, rows
from .test_resume import final_arrays, newest_step


TINY: dict[str, Any] = {"model": "tests.train.tiny:Linear"}
EPOCHS = 6  # so many that a checkpoint is written before they are over
# Without this, a test would wait for a minute. On busy cores a healthy process can be
# silent for some seconds.
SILENCE = 10


def begin(folder: pathlib.Path, number: int, port: int, **changes) -> subprocess.Popen:
    """One process of two, which is told by flags where it is."""
    address = (f"--coordinator=localhost:{port}", "--processes=2")
    return subprocess.Popen(
        [*command(folder, **TINY | changes), *address, f"--process={number}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(devices=1) | {"JAXPAD_SILENCE": str(SILENCE)},
    )


@contextlib.contextmanager
def two(
    folder: pathlib.Path, *models: str, **changes
) -> Iterator[list[subprocess.Popen]]:
    """Two processes, of models of their own if two are given."""
    port = free_port()
    each = [{"model": model} for model in models] or [{}, {}]
    processes = [begin(folder, i, port, **changes | c) for i, c in enumerate(each)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def wait_for(folder: pathlib.Path, processes: list[subprocess.Popen], steps: int):
    log = folder / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (log.exists() and log.read_bytes().count(b"\n") >= steps):
        assert all(p.poll() is None for p in processes), "ended too early"
        assert time.monotonic() < deadline, "the run wrote no metrics"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("gone", "sent"),
    [
        pytest.param(1, signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param(0, signal.SIGSTOP, marks=pytest.mark.slow),
        pytest.param(0, signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param(1, signal.SIGSTOP, marks=pytest.mark.slow),
    ],
)
def test_the_rest_name_it_and_stop(tmp_path: pathlib.Path, gone: int, sent):
    # So many epochs that it cannot be over before the signal arrives.
    with two(tmp_path, epochs=2000) as processes:
        wait_for(tmp_path, processes, steps=5)
        processes[gone].send_signal(sent)
        began = time.monotonic()
        _, errors = processes[1 - gone].communicate(timeout=60)
        assert time.monotonic() - began < 4 * SILENCE
    assert processes[1 - gone].returncode == 3, errors
    named = f"error: process {gone} of 2, on {socket.gethostname()}, has"
    assert named in errors
    assert "Start all again with the same --workdir" in errors


def test_one_is_asked_to_stop(tmp_path: pathlib.Path):
    with two(tmp_path, epochs=2000) as processes:
        wait_for(tmp_path, processes, steps=5)
        processes[1].send_signal(signal.SIGTERM)
        for process in processes:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 42, errors
    # All that was logged is saved, and only that.
    last = rows(tmp_path)[-1]["step"]
    assert newest_step(tmp_path) == last
    assert rows(tmp_path / "processes" / "1")[-1]["step"] == last


PARTING = """
import sys, time
import jax
from jaxpad.launch.endings import prompt
from jaxpad.train import Stop
from jaxpad.train.watch import _Watch, watched
me, part = int(sys.argv[2]), _Watch.part
def late(watch):
    time.sleep(1.5 * me)
    said = time.time()
    part(watch)
    print(time.time() if me == 0 else said, flush=True)
_Watch.part = late
jax.distributed.initialize(sys.argv[1], 2, me)
stop = Stop(alone=False)
with prompt(stop), watched(stop):
    stop.ask()
    sys.exit(42)
"""


def test_the_first_outlives_the_others():
    """Or jax aborts one that still waits for its last answer."""
    address, env = f"localhost:{free_port()}", environment(devices=1)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PARTING, address, str(number)],
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            cwd=ROOT,
        )
        for number in range(2)
    ]
    ends = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [42, 42]
    first, second = (float(said.split()[-1]) for said in ends)
    assert first >= second


def test_one_fails(tmp_path: pathlib.Path):
    with two(tmp_path, TINY["model"], "resnet21") as (first, second):
        _, errors = first.communicate(timeout=60)
        assert first.returncode == 3, errors
        assert "error: process 1 of 2" in errors
        assert "stopped with an error" in errors
        _, errors = second.communicate(timeout=60)
        assert second.returncode == 2, errors
        assert "resnet21" in errors


def test_they_cannot_share_an_example(tmp_path: pathlib.Path):
    flags = {"mesh.data": 1, "mesh.spatial": 2}
    with two(tmp_path, **flags) as processes:
        ends = [process.communicate(timeout=60)[1] for process in processes]
    codes = [process.returncode for process in processes]
    # One that is slower may be told of the other before it fails itself.
    assert set(codes) in ({2}, {2, 3}), ends
    text = "error: config.mesh lets 2 devices share an example"
    assert [text in errors for errors in ends] == [code == 2 for code in codes]


@pytest.mark.slow
def test_both_fail(tmp_path: pathlib.Path):
    with two(tmp_path, model="resnet21") as processes:
        for process in processes:
            _, errors = process.communicate(timeout=60)
            # One that is slower may be told of the other before it fails itself.
            told = "stopped with an error" in errors
            assert process.returncode == (3 if told else 2), errors
            assert told or "resnet21" in errors
        assert 2 in [process.returncode for process in processes]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("whole")
    result = launch(folder, **TINY, epochs=EPOCHS)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of two processes, both killed after their first checkpoint."""
    folder = tmp_path_factory.mktemp("killed")
    with two(folder, epochs=EPOCHS) as processes:
        wait_for(folder, processes, steps=9)
        while not saved_steps(folder):
            assert all(p.poll() is None for p in processes), "ended too early"
        for process in processes:
            process.kill()
    return folder


def assert_same_end(found: pathlib.Path, expected: pathlib.Path) -> None:
    references = final_arrays(expected)
    arrays = final_arrays(found, references)
    assert arrays.keys() == references.keys()
    for name, reference in references.items():
        np.testing.assert_allclose(arrays[name], reference, rtol=1e-3, atol=1e-4)
    for ours, theirs in zip(rows(found), rows(expected), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5)


@pytest.mark.slow
def test_two_go_on(killed: pathlib.Path, whole: pathlib.Path, tmp_path: pathlib.Path):
    folder = shutil.copytree(killed, tmp_path / "run")
    # The first finds that the newest is damaged, and the second goes where it goes.
    newest, then = 200, max(saved_steps(folder))
    (folder / "checkpoints" / str(newest)).mkdir()
    with two(folder, epochs=EPOCHS) as (first, second):
        said, errors = first.communicate(timeout=120)
        assert first.returncode == 0, errors
        assert f"damaged/{newest}; trying step {then}." in errors
        assert f"going on from step {then}" in said
        _, errors = second.communicate(timeout=60)
        assert second.returncode == 0, errors
    assert_same_end(folder, whole)


@pytest.mark.slow
def test_one_goes_on(killed: pathlib.Path, whole: pathlib.Path, tmp_path: pathlib.Path):
    folder = shutil.copytree(killed, tmp_path / "run")
    result = launch(folder, **TINY, epochs=EPOCHS)
    assert result.returncode == 0, result.stderr
    assert "going on from step" in result.stdout
    assert_same_end(folder, whole)


def test_wrong_address(tmp_path: pathlib.Path):
    with socket.create_server(("", 0)) as taken:
        process = begin(tmp_path, 0, taken.getsockname()[1])
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "cannot listen at port" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_one_that_is_alive_and_stuck_ends_all(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLOW_TRAIN", "400")  # whoever reads the slow record
    monkeypatch.setenv("JAXPAD_PATIENCE", "6")
    late = re.compile(r"error: process (\d) of 2, on .*, is alive, and 6 seconds beh")
    with two(tmp_path, dataset="tests.faults.parts:digits") as processes:
        told = [process.communicate(timeout=200)[1] for process in processes]
    assert [process.returncode for process in processes] == [3, 3], told
    found = [late.search(errors) for errors in told]
    assert len({line and line[1] for line in found}) == 1, told
    assert found[0], told


@pytest.mark.slow
def test_a_batch_of_two_is_kept_whole(tmp_path: pathlib.Path):
    """One process takes the step again that two have taken."""
    flags = {
        "model": "tests.faults.parts:AlwaysBad",
        "dataset": "tests.faults.parts:digits",
        "max_skips": 0,
    }
    with two(tmp_path, **flags) as processes:
        for process in processes:
            _, errors = process.communicate(timeout=200)
            assert process.returncode == 4, errors
    kept = tmp_path / "batch-1.npz"
    again = launch(tmp_path, f"--replay={kept}", **TINY | flags)
    assert again.returncode == 0, again.stderr
    assert "loss                nan" in again.stdout
