"""A sweep of training runs: real processes, killed and failing ones among them."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from jaxpad.train import read_sweep
from jaxpad.train.lock import is_locked, locked
from jaxpad.train.sweep import runs_of
from jaxpad.train.sweep.places import places
from jaxpad.train.sweep.scripts import slurm, tpu

from .jobs import ROOT, environment
from .tiny import tiny_config


WORDS = (
    *("--config.model=tests.train.tiny:Linear", "--config.epochs=1"),
    *("--config.warmup_epochs=0.5", "--config.batch_size=128"),
    *("--config.checkpoint_steps=4", "--config.augment=()", "--config.trackers=()"),
)


def command(folder: pathlib.Path, *words: str) -> list[str]:
    own = [sys.executable, str(ROOT / "launch.py"), *WORDS, f"--workdir={folder}"]
    return [*own, "--sweep", *words]


def start(folder: pathlib.Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *words),
        capture_output=True,
        text=True,
        check=False,
        env=environment(devices=1),
    )


def values(folder: pathlib.Path) -> dict[str, float]:
    entries = json.loads((folder / "sweep.json").read_text())
    return {entry["folder"]: entry["value"] for entry in entries}


@pytest.mark.slow
def test_runs_that_are_missing_are_done_and_no_others(tmp_path: pathlib.Path):
    folder = tmp_path / "with space"
    first = start(folder, "seed=0:2", "--jobs=2")
    assert first.returncode == 0, first.stderr
    assert f"2 runs in {folder}: 0 finished, 2 to do" in first.stdout
    found = values(folder)
    logs = {path: path.stat().st_mtime_ns for path in folder.glob("*/metrics.jsonl")}
    assert len(logs) == len(found) == 2
    # One more, and one that fails: its padding needs more of the image than there is.
    again = start(folder, "seed=0:3", "model=tests.train.tiny:Linear,resnet21")
    assert again.returncode == 1, again.stderr
    assert "6 runs in" in again.stdout
    assert "failed with 2: seed=0 model=resnet21; see" in again.stdout
    listed = start(folder, "seed=0:2", "--dry_run")
    assert listed.stdout.count("finished  seed=") == 2
    assert {path: path.stat().st_mtime_ns for path in logs} == logs


def test_two_at_a_time(tmp_path: pathlib.Path):
    folder = tmp_path / "with space"
    done = start(folder, "seed=0:2", "--jobs=2")
    assert done.returncode == 0, done.stderr
    assert f"2 runs in {folder}: 0 finished, 2 to do" in done.stdout
    found = values(folder)
    assert len(found) == 2
    assert f"report  {folder / 'report.html'}\n" in done.stdout
    (arm,) = json.loads((folder / "report.json").read_text())["metrics"][0]["arms"]
    assert sorted(arm["values"].values()) == [
        pytest.approx(100 * value) for value in sorted(found.values())
    ]


def test_names_are_of_the_arm_and_of_all_of_the_config(tmp_path: pathlib.Path):
    def names(words: list[str], **changes: Any) -> list[str]:
        config = tiny_config(**changes)
        runs = runs_of(config, read_sweep(words, config), tmp_path)
        return [run.folder.name for run in runs]

    both = names(["padding=zero,constant(value=1.0)", "seed=3"])
    assert both[0].startswith("padding=zero,seed=3-")
    assert both[1].startswith("padding=constant-value=1.0-,seed=3-")
    assert names(["padding=zero", "seed=3"]) == both[:1]
    assert names(["padding=zero", "seed=3"], workers=2) == both[:1]
    assert names(["padding=zero", "seed=3"], epochs=7) != both[:1]
    (long,) = names([f"dataset=folder(path='{'x/' * 300}')"])
    assert len(long) < 120


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ([{"pading": "zero"}], "pading"),
        ([{"seed": "many"}], "seed"),
        ([{"seed": 1}, {"seed": 1}], "the sweep has seed=1 twice"),
    ],
)
def test_arms_that_cannot_be_are_named(arms, message: str, tmp_path: pathlib.Path):
    with pytest.raises(ValueError, match=message):
        runs_of(tiny_config(), arms, tmp_path)


def test_a_config_brings_its_own_sweep(tmp_path: pathlib.Path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from jaxpad.launch import default_config as get_config\n"
        "def sweep():\n"
        "    for padding in ('zero', 'partial'):\n"
        "        yield {'padding': padding, 'mesh.data': 1}\n"
    )
    words = [sys.executable, str(ROOT / "launch.py"), f"--config={path}", "--sweep"]
    done = subprocess.run(
        [*words, "--dry_run"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[2] for row in rows] == ["padding=zero", "padding=partial"]
    assert rows[0][-1].startswith("runs/mine-sweep/padding=zero,mesh.data=1-")
    path.write_text(path.read_text().replace("yield {", "yield {0: 1, "))
    again = subprocess.run([*words], capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "expected a dict from dotted keys" in again.stderr


def test_a_run_of_somebody_else_is_waited_for(tmp_path: pathlib.Path):
    config = tiny_config()
    (run,) = runs_of(config, [{"seed": 1}], tmp_path)
    assert run.state == "not begun"
    run.folder.mkdir()
    with locked(run.folder):
        assert run.state == "running"
        assert is_locked(run.folder)
    assert not is_locked(run.folder)
    (run.folder / "config.json").write_text("{}")
    assert run.state == "broken off"


def test_processes_have_cores_of_their_own():
    (whole,) = places(1)
    assert not whole.cores
    cores = len(os.sched_getaffinity(0))
    each = places(cores)
    assert frozenset().union(*(place.cores for place in each)) == os.sched_getaffinity(
        0
    )
    assert sum(len(place.cores) for place in each) == cores
    with pytest.raises(
        ValueError, match=f"--jobs={cores + 1}: there are {cores} cores"
    ):
        places(cores + 1)


def test_scripts_do_each_run(tmp_path: pathlib.Path):
    config = tiny_config()
    arms = read_sweep(["padding=zero,constant(value=1.0)", "seed=0:2"], config)
    runs = runs_of(config, arms, tmp_path / "a folder")
    echo = ["printf", "%s\\n", "launch.py"]
    script = slurm(runs, echo)
    assert "#SBATCH --array=0-3" in script
    told = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"SLURM_ARRAY_TASK_ID": "3", **os.environ},
    )
    assert told.stdout.splitlines() == ["launch.py", *runs[3].flags]
    lines = tpu(runs, echo).splitlines()
    assert len([line for line in lines if "--worker=all" in line]) == 4
    for run in runs:
        run.folder.mkdir(parents=True)
        (run.folder / "report.html").touch()
    with pytest.raises(ValueError, match="all runs of this sweep are finished"):
        slurm(runs, echo)


@pytest.mark.slow
def test_killed_twice_it_ends_as_one_that_was_not(tmp_path: pathlib.Path):
    words = ("padding=zero,circular,partial", "seed=0:5", "--jobs=2")
    net = ("--config.model=tests.train.networks:resnet8", "--config.epochs=2")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = start(whole, *words, *net)
    assert done.returncode == 0, done.stderr
    for count in (3, 9):
        process = subprocess.Popen(
            command(killed, *words, *net),
            env=environment(devices=1),
        )
        while len(list(killed.glob("*/report.html"))) < count:
            assert process.poll() is None
            time.sleep(0.1)
        kill_all(process)
    again = start(killed, *words, *net)
    assert again.returncode == 0, again.stderr
    assert values(killed) == values(whole)
    assert rows(again.stdout) == rows(done.stdout)
    assert len(rows(done.stdout)) == 3


def rows(printed: str) -> list[str]:
    """Of the table of arms."""
    return [line for line in printed.splitlines() if line.startswith("padding=")]


def kill_all(process: subprocess.Popen[Any]) -> None:
    """A sweep with all that it has started, which would go on without it."""
    groups = children(process.pid)  # each leads one of its own
    process.kill()
    for group in groups:
        os.killpg(group, signal.SIGKILL)
    process.wait()


def children(pid: int) -> list[int]:
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]
