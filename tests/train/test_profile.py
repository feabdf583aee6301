"""A trace holds the steps that were asked for, and changes nothing."""

import gzip
import io
import json
import pathlib

import pytest
from rich.console import Console

from jaxpad.train import how_to_open, run
from jaxpad.train.metrics import read_metrics

from .tiny import tiny_job


def train(folder: pathlib.Path, profile: int | None = None) -> tuple[str, list]:
    """What a run prints, and the losses of its steps."""
    console = Console(file=io.StringIO(), width=80)
    run(tiny_job(), folder, console, profile)
    rows = read_metrics(folder / "metrics.jsonl")
    return console.file.getvalue(), [row.get("loss") for row in rows]  # pyright: ignore[reportAttributeAccessIssue]


def test_trace_has_the_steps_and_the_run_is_as_without(tmp_path: pathlib.Path):
    said, losses = train(tmp_path / "traced", 5)
    assert "traced steps 4 to 8, into" in said
    (made,) = (tmp_path / "traced").glob("profile/plugins/profile/*")
    assert len(list(made.glob("*.xplane.pb"))) == 1
    with gzip.open(made / "perfetto_trace.json.gz") as file:
        events = json.load(file)["traceEvents"]
    steps = [e["args"]["step_num"] for e in events if e.get("name") == "train"]
    assert sorted(map(int, steps)) == [4, 5, 6, 7, 8]
    assert any(e.get("name") == "waiting for data" for e in events)
    assert str(made) in how_to_open(tmp_path / "traced")
    assert "xprof --logdir=" in how_to_open(tmp_path / "traced")
    said, without = train(tmp_path / "plain")
    assert losses == without
    assert "traced" not in said
    assert how_to_open(tmp_path / "plain") == ""
    assert not (tmp_path / "plain" / "profile").exists()


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, "--profile=0: expected 1 step or more"),
        (-3, "--profile=-3: expected 1 step or more"),
        (20, "22 steps to go, and the first 3 are not traced: use 19 or fewer"),
    ],
)
def test_count_that_cannot_be_traced(count: int, message: str, tmp_path: pathlib.Path):
    with pytest.raises(ValueError, match=message):
        train(tmp_path / "run", count)
    assert not (tmp_path / "run").exists()


def test_run_that_is_over_has_nothing_to_trace(tmp_path: pathlib.Path):
    train(tmp_path)
    with pytest.raises(ValueError, match=r"0 steps to go, .*: leave it out"):
        train(tmp_path, 1)
