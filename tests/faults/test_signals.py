"""SIGTERM, SIGINT and kill -9, wherever the run is: real processes, real signals."""

import pathlib
import signal
import time

import pytest

from tests.train.jobs import launch
from tests.train.test_resume import assert_same_end, newest_step

from .processes import FAULTY, begun, rows, said, wait_until


STOPPED = 42
# Seconds in which a signal is answered. Both cores may be busy with other tests.
SOON = 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A run that nothing happens to."""
    folder = tmp_path_factory.mktemp("whole")
    result = launch(folder, **FAULTY)
    assert result.returncode == 0, result.stderr
    return folder


def ends_as(whole: pathlib.Path, folder: pathlib.Path, what: str) -> None:
    """Started again, it ends with the same bits."""
    result = launch(folder, **FAULTY)
    assert result.returncode == 0, result.stderr
    assert_same_end(folder, whole, what)


def stopped(process, sent: signal.Signals, code: int) -> None:
    process.send_signal(sent)
    began = time.monotonic()
    assert process.wait(timeout=60) == code
    assert time.monotonic() - began < SOON


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGTERM, STOPPED), (signal.SIGINT, 130)]
)
def test_while_data_do_not_come(
    whole: pathlib.Path, tmp_path: pathlib.Path, sent: signal.Signals, code: int
):
    with begun(tmp_path, variables={"SLOW_TRAIN": "600"}) as process:
        wait_until(lambda: "training step in" in said(tmp_path), process)
        time.sleep(1)
        stopped(process, sent, code)
    assert f"{sent.name}: saving a checkpoint" in said(tmp_path)
    assert f"run the same with --workdir={tmp_path}" in said(tmp_path)
    # The log holds every step that the checkpoint has, and no other.
    assert newest_step(tmp_path) == rows(tmp_path) % 11
    if sent == signal.SIGTERM:
        ends_as(whole, tmp_path, sent.name)


@pytest.mark.slow
def test_during_evaluation(whole: pathlib.Path, tmp_path: pathlib.Path):
    with begun(tmp_path, variables={"SLOW_TEST": "600"}) as process:
        wait_until(lambda: rows(tmp_path) == 11, process)
        stopped(process, signal.SIGTERM, STOPPED)
    assert newest_step(tmp_path) == 11
    assert rows(tmp_path) == 11
    ends_as(whole, tmp_path, "stopped in an evaluation")


@pytest.mark.slow
def test_killed_during_evaluation(whole: pathlib.Path, tmp_path: pathlib.Path):
    with begun(tmp_path, variables={"SLOW_TEST": "600"}) as process:
        wait_until(lambda: rows(tmp_path) == 11, process)
        # Those of steps 8 and 11 are left out where that of 4 is not on the disk yet.
        wait_until((tmp_path / "newest_checkpoint").exists, process)
        stopped(process, signal.SIGKILL, -signal.SIGKILL)
    ends_as(whole, tmp_path, "killed in an evaluation")


@pytest.mark.slow
def test_while_it_compiles(tmp_path: pathlib.Path):
    """Nothing is there to be saved, and the compiler may take for ever."""
    variables = {"JAX_ENABLE_COMPILATION_CACHE": "0"}
    with begun(tmp_path, variables=variables, model="resnet20") as process:
        wait_until(lambda: "compiling the training step" in said(tmp_path), process)
        time.sleep(0.5)
        stopped(process, signal.SIGTERM, STOPPED)
    assert "nothing new to save" in said(tmp_path)


def test_the_second_ends_it_at_once(tmp_path: pathlib.Path):
    with begun(tmp_path, model="tests.faults.parts:Sleepy") as process:
        wait_until(lambda: "compiled the training" in said(tmp_path), process)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: "a second one stops at once" in said(tmp_path), process)
        stopped(process, signal.SIGTERM, 128 + signal.SIGTERM)
