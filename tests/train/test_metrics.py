"""metrics.jsonl is the source of truth, and survives a torn last line."""

import io
import json
import pathlib

import pytest
from rich.console import Console

from jaxpad.train import run
from jaxpad.train.metrics import MetricsLog, read_metrics

from .tiny import tiny_job


def test_going_on_drops_later_and_torn_lines(tmp_path: pathlib.Path):
    log = MetricsLog(tmp_path, 0)
    for step in (1, 2, 3):
        log.write({"step": step, "loss": 1 / step})
    log.close()
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 4, "lo')
    assert [row["step"] for row in read_metrics(path)] == [1, 2, 3]
    again = MetricsLog(tmp_path, 2)
    again.write({"step": 3, "loss": 9.0})
    again.close()
    assert read_metrics(path) == [
        {"step": 1, "loss": 1.0},
        {"step": 2, "loss": 0.5},
        {"step": 3, "loss": 9.0},
    ]


def test_lines_are_there_as_soon_as_they_are_written(tmp_path: pathlib.Path):
    log = MetricsLog(tmp_path, 0)
    log.write({"step": 1, "loss": 0.5})
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {
        "step": 1,
        "loss": 0.5,
    }
    log.close()


def test_broken_line_in_the_middle_is_an_error(tmp_path: pathlib.Path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"st\n{"step": 3}\n')
    with pytest.raises(ValueError, match=r"metrics\.jsonl.*line 2"):
        read_metrics(path)


@pytest.mark.parametrize(
    "line", [b"[1]", b"{}", b'{"step": "1"}', b"\xff\xff", b"[" * 200_000]
)
def test_a_line_that_is_no_row_is_named(tmp_path: pathlib.Path, line: bytes):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + line + b"\n")
    with pytest.raises(ValueError, match=r"metrics\.jsonl is damaged at line 2"):
        read_metrics(path)


def test_full_disk_says_how_to_go_on(tmp_path: pathlib.Path):
    log = MetricsLog(tmp_path, 0)
    log._file.close()
    log._file = open("/dev/full", "a", buffering=1)
    with pytest.raises(OSError, match=r"cannot write .*metrics\.jsonl.*run the same"):
        log.write({"step": 1, "loss": 0.5})
    log.close()


def test_nan_is_written_as_null(tmp_path: pathlib.Path):
    log = MetricsLog(tmp_path, 0)
    log.write({"step": 1, "loss": float("nan"), "grad_norm": float("inf")})
    log.close()
    text = (tmp_path / "metrics.jsonl").read_text()
    assert text == '{"step": 1, "loss": null, "grad_norm": null}\n'


def test_a_lost_log_is_told_of(tmp_path: pathlib.Path):
    """And the run's results are made of what there is."""
    before = run(tiny_job(), tmp_path, Console(quiet=True))
    path = tmp_path / "metrics.jsonl"
    path.unlink()
    console = Console(record=True, quiet=False, file=io.StringIO(), width=500)
    after = run(tiny_job(), tmp_path, console)
    assert f"{path} ends at step 0: the curves have a gap" in console.export_text()
    assert after["test"] == before["test"]
