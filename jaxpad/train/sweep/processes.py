"""Runs in processes of their own, some at a time, until all are finished or failed."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ..exits import Exit
from ..lock import is_locked
from .places import Place
from .runs import Run


OUTPUT = "output.txt"  # what a run prints, in its folder
PAUSE = 0.2  # seconds between two looks
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Queue:
    """The runs of a sweep, and the processes that are at them.

    Runs that are finished are not started again, broken ones go on. A run that a
    process of somebody else is at, such as that of a sweep on another host, is waited
    for, and started if it ends unfinished. A run that fails stops no other.

    Args:
        runs: in the order in which they begin.
        command: a program and its words, to which a run's own are added.
        places: one for each process.
    """

    def __init__(
        self, runs: Sequence[Run], command: Sequence[str], places: Sequence[Place]
    ):
        self.runs, self.command, self.places = list(runs), list(command), list(places)
        self.stopped = 0  # the signal that asked for it
        self.finished = [run for run in runs if run.state == "finished"]
        self.before = len(self.finished)
        self.waiting = [run for run in runs if run not in self.finished]
        self.failed: dict[str, int] = {}  # the exit code of each, by its folder
        # By the number of their place.
        self.working: dict[int, tuple[Run, subprocess.Popen[bytes]]] = {}

    def work(self) -> None:
        """Until nothing is left, or a signal asks for the end."""
        with self._listening():
            while self.working or (self.waiting and not self.stopped):
                self._collect()
                if not self.stopped:
                    self._begin()
                time.sleep(PAUSE)

    def _begin(self) -> None:
        """Starts runs while there is room."""
        free = [n for n in range(len(self.places)) if n not in self.working]
        for run in [r for r in self.waiting if free and not is_locked(r.folder)]:
            if not free:
                return
            self.waiting.remove(run)
            if run.state == "finished":  # somebody else has
                self.finished.append(run)
                continue
            place = free.pop(0)
            self.working[place] = run, self._started(run, self.places[place])

    def _started(self, run: Run, place: Place) -> subprocess.Popen[bytes]:
        run.folder.mkdir(parents=True, exist_ok=True)
        with (run.folder / OUTPUT).open("ab") as output, _on(place.cores):
            return subprocess.Popen(
                [*self.command, *run.flags],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_shared(run.folder.parent) | place.variables,
                start_new_session=True,  # Ctrl-C is passed on, once
            )

    def _collect(self) -> None:
        """Takes note of processes that have ended."""
        for place, (run, process) in list(self.working.items()):
            if (code := process.poll()) is None:
                continue
            del self.working[place]
            if code == Exit.FINISHED:
                self.finished.append(run)
            elif is_locked(run.folder) or self.stopped:
                self.waiting.append(run)  # somebody else was faster, or it has saved
            else:
                self.failed[run.folder.name] = code

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Passes signals on to the runs, which save their state at the first."""

        def tell(number: int, _: Any) -> None:
            self.stopped = number
            for _, process in list(self.working.values()):
                process.send_signal(number)

        before = {s: signal.signal(s, tell) for s in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def _on(cores: frozenset[int]) -> Iterator[None]:
    """What is started in here has these cores, which it inherits from this thread."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _shared(folder: pathlib.Path) -> dict[str, str]:
    """The environment of runs, which keep for each other what they have compiled."""
    own = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "1",
    }
    return own | dict(os.environ)
