"""Runs in processes of their own, that something happens to."""

import contextlib
import pathlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from tests.train.jobs import command, environment


FAULTY: dict[str, Any] = {
    "model": "tests.train.tiny:Linear",
    "dataset": "tests.faults.parts:digits",
}


DEVICES = 2


@contextlib.contextmanager
def begun(
    folder: pathlib.Path,
    *flags: str,
    variables: dict[str, str] | None = None,
    **changes,
) -> Iterator[subprocess.Popen]:
    """A run of the faulty digits, in a folder; what it prints is in `said`."""
    folder.mkdir(exist_ok=True)
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(
            [*command(folder, **FAULTY | changes), *flags],
            stdout=said,
            stderr=subprocess.STDOUT,
            env=environment(DEVICES) | (variables or {}),
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said(folder: pathlib.Path) -> str:
    return (folder / "said").read_text()


def rows(folder: pathlib.Path) -> int:
    log = folder / "metrics.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


def wait_until(what, process: subprocess.Popen, seconds: float = 120) -> None:
    """Until something is true of a process that still runs."""
    deadline = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)
