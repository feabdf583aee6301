"""Runs in processes of their own, some at a time, until all are finished or failed."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..exits import Exit
from ..lock import is_locked
from .places import Place
from .runs import Group, Run


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
        command: of runs, the program and its words that train them.
        places: one for each process.
        groups: of runs, those that one process trains together; each by itself if
            there are none.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        command: Callable[[Group], Sequence[str]],
        places: Sequence[Place],
        groups: Sequence[Group] = (),
    ):
        self.runs, self.command, self.places = list(runs), command, list(places)
        self.stopped = 0  # the signal that asked for it
        self.finished = [run for run in runs if run.state == "finished"]
        self.before = len(self.finished)
        self.waiting = [
            group
            for group in groups or [(run,) for run in runs]
            if not all(run in self.finished for run in group)
        ]
        # The exit code of each, and where it is told, by its folder.
        self.failed: dict[str, tuple[int, pathlib.Path]] = {}
        # By the number of their place.
        self.working: dict[int, tuple[Group, subprocess.Popen[bytes]]] = {}

    @property
    def running(self) -> list[Run]:
        """Those that a process of this sweep is at."""
        return [
            r for group, _ in list(self.working.values()) for r in self._todo(group)
        ]

    @property
    def left(self) -> int:
        """How many wait."""
        return sum(len(self._todo(group)) for group in list(self.waiting))

    def _todo(self, group: Group) -> Group:
        return tuple(run for run in group if run not in self.finished)

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
        for group in [g for g in self.waiting if free and not _at_work(g)]:
            if not free:
                return
            self.waiting.remove(group)
            self._note_finished(group)  # somebody else has, perhaps
            if todo := self._todo(group):
                place = free.pop(0)
                self.working[place] = todo, self._started(todo, self.places[place])

    def _started(self, group: Group, place: Place) -> subprocess.Popen[bytes]:
        for run in group:
            run.folder.mkdir(parents=True, exist_ok=True)
        folder = group[0].folder
        with (folder / OUTPUT).open("ab") as output, _on(place.cores):
            return subprocess.Popen(
                self.command(group),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_shared(folder.parent) | place.variables,
                start_new_session=True,  # Ctrl-C is passed on, once
            )

    def _collect(self) -> None:
        """Takes note of processes that have ended."""
        for place, (group, process) in list(self.working.items()):
            if (code := process.poll()) is None:
                continue
            del self.working[place]
            self._note_finished(group)
            left = self._todo(group)
            if left and (_at_work(left) or self.stopped):
                self.waiting.append(left)  # somebody else was faster, or it has saved
                continue
            for run in left:
                told = group[0].folder / OUTPUT
                self.failed[run.folder.name] = code or Exit.FAILED, told

    def _note_finished(self, group: Group) -> None:
        new = [run for run in self._todo(group) if run.state == "finished"]
        self.finished += new

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


def _at_work(group: Group) -> bool:
    return any(is_locked(run.folder) for run in group)


def _shared(folder: pathlib.Path) -> dict[str, str]:
    """The environment of runs, which keep for each other what they have compiled."""
    own = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    return own | dict(os.environ)
