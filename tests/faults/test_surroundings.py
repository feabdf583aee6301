"""Another run in the folder, and one that hangs."""

import pathlib
import signal
import time
from typing import Any

import pytest

from jaxpad.train.lock import locked
from jaxpad.train.stall import noticed
from jaxpad.train.stop import Stop
from tests.train.jobs import launch

from .processes import FAULTY, begun, rows, wait_until


@pytest.mark.slow
def test_one_run_a_folder(tmp_path: pathlib.Path):
    with begun(tmp_path, variables={"SLOW_TRAIN": "600"}) as process:
        wait_until(lambda: rows(tmp_path) > 0, process)
        before = (tmp_path / "metrics.jsonl").read_bytes()
        second = launch(tmp_path, **FAULTY)
        assert second.returncode == 2
        assert f"in use by process {process.pid} on" in second.stderr
        assert (tmp_path / "metrics.jsonl").read_bytes().startswith(before)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with locked(tmp_path):  # a dead process holds nothing
        pass


def test_a_lock_is_held_until_the_end(tmp_path: pathlib.Path):
    with (
        locked(tmp_path),
        pytest.raises(ValueError, match=r"is in use by process \d+ on"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):
        pass


def test_a_run_that_runs_out_of_memory_says_what_to_change(tmp_path: pathlib.Path):
    """A CPU does as a device does, when it is asked for so much."""
    changes: dict[str, Any] = FAULTY | {"model": "tests.faults.parts:TooLarge"}
    result = launch(tmp_path, **changes)
    assert result.returncode == 5, result.stderr
    assert "RESOURCE_EXHAUSTED: Out of memory allocating" in result.stderr
    assert "What helps:\n  --config.batch_size=64:" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_hanging_run_says_where(capfd: pytest.CaptureFixture[str]):
    stop = Stop()
    with noticed(stop, lambda: "reading the first batch", patience=0.2):
        time.sleep(0.6)
        stop.reached()
        time.sleep(0.6)
    told = capfd.readouterr().err
    line = "warning: nothing has moved for 0 seconds (reading the first batch)"
    assert told.count(line) == 2
    assert "test_surroundings.py" in told


def test_who_is_behind():
    stop = Stop(alone=False)
    assert stop.behind() == []
    stop.others = {"process 0 on a": 4, "process 1 on b": 3, "process 2 on c": 4}
    assert stop.behind() == ["process 1 on b"]


def test_a_run_that_goes_on_says_nothing(capfd: pytest.CaptureFixture[str]):
    stop = Stop()
    with noticed(stop, str, patience=1.0):
        for _ in range(25):
            stop.reached()
            time.sleep(0.05)
    assert not capfd.readouterr().err
