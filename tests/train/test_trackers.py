"""Trackers are told every row, and cannot harm the run whatever they do."""

import json
import logging
import pathlib
import sys
import threading
import time
from typing import Any

import pytest

from jaxpad.train import trackers
from jaxpad.train.metrics import MetricsLog, read_metrics
from jaxpad.train.trackers import Calls, follow, read_trackers


CONFIG = {"seed": 0, "nested": {"key": 1}}
TOLD: list[Any] = []


def told(folder: pathlib.Path, config: dict[str, Any]) -> Calls:
    """A user's own tracker."""
    TOLD[:] = [folder, config]
    return Calls(TOLD.append, lambda: TOLD.append("closed"))


def fails_to_open(folder: pathlib.Path, config: dict[str, Any]) -> Calls:
    raise OSError("no such server")


def fails_to_write(folder: pathlib.Path, config: dict[str, Any]) -> Calls:
    def write(row: dict[str, Any]) -> None:
        raise KeyError(f"row {row['step']}")

    return Calls(write, lambda: None)


def fails_to_close(folder: pathlib.Path, config: dict[str, Any]) -> Calls:
    return Calls(lambda row: None, lambda: sys.exit("the library gave up"))


def hangs(folder: pathlib.Path, config: dict[str, Any]) -> Calls:
    return Calls(lambda row: time.sleep(60), lambda: None)


def log_steps(folder: pathlib.Path, *names: str, start: int = 0, stop: int = 3) -> None:
    log = MetricsLog(folder, start, follow(read_trackers(names), folder, CONFIG))
    for step in range(start + 1, stop + 1):
        log.write({"step": step, "loss": 1 / step})
    log.close()


def test_own_tracker_is_told_everything_in_order(tmp_path: pathlib.Path):
    log_steps(tmp_path, f"{__name__}:told")
    folder, config, *rows, end = TOLD
    assert (folder, config, end) == (tmp_path, CONFIG, "closed")
    assert rows == read_metrics(tmp_path / "metrics.jsonl")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fails_to_open", "OSError: no such server"),
        ("fails_to_write", "KeyError: 'row 1'"),
        ("fails_to_close", "SystemExit: the library gave up"),
    ],
)
def test_failing_tracker_is_left_with_one_warning(
    name: str, reason: str, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING, "jaxpad.train"):
        log_steps(tmp_path, f"{__name__}:{name}", f"{__name__}:told")
    (record,) = caplog.records
    assert f"{name}' is off: {reason}. The training goes on" in record.getMessage()
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 3
    assert TOLD[-1] == "closed"
    assert len(TOLD) == 2 + 3 + 1


def test_tracker_that_hangs_is_not_waited_for(
    tmp_path: pathlib.Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(trackers, "BEHIND", 20)
    monkeypatch.setattr(trackers, "PATIENCE", 0.1)
    begin = time.monotonic()
    log_steps(tmp_path, f"{__name__}:hangs", stop=10)
    log_steps(tmp_path, f"{__name__}:hangs", stop=100)
    assert time.monotonic() - begin < 10
    unended, late = sorted(record.getMessage() for record in caplog.records)
    assert "is off: it did not end within 0 s." in unended
    assert "is off: it is 20 rows late." in late
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 100


def test_everything_happens_in_one_other_thread(tmp_path: pathlib.Path):
    seen = []

    def note(*_: Any) -> None:
        seen.append(threading.get_ident())

    def opens(folder: pathlib.Path, config: dict[str, Any]) -> Calls:
        note()
        return Calls(note, note)

    (tracker,) = follow([("threads", opens)], tmp_path, CONFIG)
    tracker.write({"step": 1})
    tracker.close()
    assert len(seen) == 3
    assert len({*seen, threading.get_ident()}) == 2


def test_tensorboard_has_the_same_numbers(tmp_path: pathlib.Path):
    log_steps(tmp_path, "tensorboard")
    (events,) = (tmp_path / "tensorboard").iterdir()
    expected = [(1, "loss", 1.0), (2, "loss", 0.5), (3, "loss", pytest.approx(1 / 3))]
    assert [scalar for event in read_events(events) for scalar in scalars(event)] == (
        expected
    )


def test_tensorboard_forgets_what_comes_again(tmp_path: pathlib.Path):
    log_steps(tmp_path, "tensorboard", stop=3)
    for first in (tmp_path / "tensorboard").iterdir():
        first.unlink()  # a file of the same second would have its name
    log_steps(tmp_path, "tensorboard", start=2, stop=4)
    (again,) = (tmp_path / "tensorboard").iterdir()
    starts = [e.step for e in read_events(again) if e.HasField("session_log")]
    assert starts == [3]


def scalars(event: Any) -> list[tuple[int, str, float]]:
    return [(event.step, v.tag, v.simple_value) for v in event.summary.value]


def read_events(path: pathlib.Path) -> list[Any]:
    """Reads TensorBoard's format: length, checksum, record, checksum."""
    from tensorboardX.proto import event_pb2

    parse = event_pb2.Event.FromString  # pyright: ignore[reportAttributeAccessIssue]
    data, found = path.read_bytes(), []
    while data:
        length = int.from_bytes(data[:8], "little")
        found.append(parse(data[12 : 12 + length]))
        data = data[16 + length :]
    return found


def test_trackio_has_the_same_numbers(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    utils = pytest.importorskip("trackio.utils")
    storage = pytest.importorskip("trackio.sqlite_storage")
    for module in (utils, storage):
        monkeypatch.setattr(module, "TRACKIO_DIR", tmp_path / "store")
    folder = tmp_path / "run1"
    folder.mkdir()
    log_steps(folder, "trackio(project='a_test')")
    found = storage.SQLiteStorage.get_logs("a_test", "run1")
    assert [(row["step"], row["loss"]) for row in found] == [
        (1, 1.0),
        (2, 0.5),
        (3, 1 / 3),
    ]


def test_wandb_writes_an_offline_run(tmp_path: pathlib.Path):
    pytest.importorskip("wandb")
    log_steps(tmp_path, "wandb")
    (written,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert written.read_bytes().count(json.dumps(1 / 3).encode()) > 0


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("tensorbord",), "unknown tracker 'tensorbord'. Did you mean 'tensorboard'"),
        (("wandb(projct='x')",), "no option 'projct'; it takes project"),
        (("tensorboard", "tensorboard"), "'tensorboard' comes twice"),
        ("math:pi", r"expected a function of \(folder, config\)"),
        ("nowhere:f", "cannot import tracker 'nowhere:f'"),
    ],
)
def test_names_that_cannot_be_meant(names: Any, message: str):
    with pytest.raises(ValueError, match=message):
        read_trackers(names)


def test_missing_library_is_named(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    # A folder that wandb wrote beside a run would be found, as a package.
    (tmp_path / "not_installed").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    for package in ("not_installed", "nowhere_at_all"):
        monkeypatch.setitem(trackers.REQUIRES, "wandb", package)
        with pytest.raises(ValueError, match=f"pip install {package}, or leave 'wandb"):
            read_trackers(("tensorboard", "wandb"))


def test_library_is_imported_only_when_a_run_begins(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "a_slow_library.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(trackers.REQUIRES, "wandb", "a_slow_library")
    assert [name for name, _ in read_trackers("wandb")] == ["wandb"]
    assert "a_slow_library" not in sys.modules
