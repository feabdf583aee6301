"""Two processes of a cluster train as one that has all their devices."""

import json
import pathlib
import socket
import subprocess

import numpy as np
import pytest

from .jobs import command, environment, launch
from .test_resume import TIMES, final_arrays


def cluster(number: int, port: int) -> dict[str, str]:
    """What Slurm tells a process of a step of two, each on a node of its own."""
    return environment(devices=1) | {
        "SLURM_JOB_ID": "1",
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
        "SLURM_PROCID": str(number),
        "SLURM_LOCALID": "0",
        "SLURM_STEP_NUM_NODES": "2",
        "JAX_COORDINATOR_PORT": str(port),
    }


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


def train_together(line: list[str], code: int = 0) -> list[str]:
    """Two processes; what each has printed, or complained of if they are to fail."""
    port = free_port()
    processes = [
        subprocess.Popen(
            [*line, "--distributed"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=cluster(number, port),
        )
        for number in range(2)
    ]
    ends = [process.communicate(timeout=300) for process in processes]
    for process, (_, errors) in zip(processes, ends, strict=True):
        assert process.returncode == code, errors
    return [errors if code else said for said, errors in ends]


def rows(path: pathlib.Path) -> list[dict[str, float]]:
    lines = (path / "metrics.jsonl").read_text().splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory):
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    result = launch(one, epochs=1)
    assert result.returncode == 0, result.stderr
    said = train_together(command(two, epochs=1))
    return one, two, said


def test_they_learn_what_one_learns(runs):
    one, two, _ = runs
    ours = final_arrays(one)
    theirs = final_arrays(two, ours)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_allclose(theirs[name], array, rtol=1e-3, atol=1e-4)
    for ours, theirs in zip(rows(one), rows(two), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5)


def test_each_example_is_tested_once(runs):
    one, two, _ = runs
    ours, theirs = (json.loads((f / "results.json").read_text()) for f in (one, two))
    assert theirs["test"]["examples"] == 355
    assert theirs["test"]["class_examples"] == ours["test"]["class_examples"]


def test_the_first_speaks_and_writes_for_all(runs):
    one, two, (first, second) = runs
    assert "test accuracy" in first
    assert all(line.startswith("[Gloo]") for line in second.splitlines())
    # The other's log has the same numbers, and waiting of its own.
    assert rows(two / "processes" / "1") == rows(two)
    names = {path.name for path in two.iterdir()} - {"processes"}
    assert names == {path.name for path in one.iterdir()}


def test_no_cluster_is_told_of(tmp_path: pathlib.Path):
    result = subprocess.run(
        [*command(tmp_path), "--distributed"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(devices=1),
    )
    assert result.returncode == 2
    assert "JAX knows of no cluster here" in result.stderr
