"""What `launch.py --sweep` does: a run for each arm, those that are missing."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from ..exits import Exit
from ..workdir import write_whole
from .board import Board, figure, summary
from .places import one_place, places
from .processes import Queue
from .runs import Group, Run, seeds, words_of


MOST_SEEDS = 64  # in one program


def sweep(
    config: Any,
    runs: Sequence[Run],
    folder: pathlib.Path,
    command: Sequence[str],
    console: Console,
    *,
    jobs: int = 1,
    one_program: bool = False,
) -> int:
    """Trains every arm of a sweep that is not finished yet.

    Args:
        config: a `ConfigDict`.
        runs: from `runs_of`.
        folder: where theirs lie.
        command: the program and its words that train the config as it is.
        console: where progress is shown.
        jobs: processes at a time.
        one_program: whether runs that differ in the seed alone are one program.

    Returns:
        An exit code: 0 if all runs are finished, 1 if some have failed, and that of a
        run that was stopped if this was.

    Raises:
        ValueError: if there is no place for so many processes.
    """
    queue = (_together if one_program else _alone)(runs, folder, command, jobs)
    todo = queue.left
    console.print(
        f"{len(runs)} runs in {folder}: {queue.before} finished, {todo} to do",
        highlight=False,
        markup=False,
    )
    folder.mkdir(parents=True, exist_ok=True)
    with Board(queue, config, console).shown():
        queue.work()
    _write(runs, folder)
    console.print(summary(queue), highlight=False, markup=False)
    if queue.stopped:
        console.print("stopped; the same command goes on", highlight=False)
        return 130 if queue.stopped == 2 else Exit.STOPPED
    return Exit.FAILED if queue.failed else Exit.FINISHED


def _alone(
    runs: Sequence[Run], folder: pathlib.Path, command: Sequence[str], jobs: int
) -> Queue:
    return Queue(runs, lambda group: [*command, *group[0].flags], places(jobs))


def _together(
    runs: Sequence[Run], folder: pathlib.Path, command: Sequence[str], jobs: int
) -> Queue:
    if jobs != 1:
        raise ValueError(
            f"--jobs={jobs} with --one_program: one program at a time has all devices; "
            "give one of the two."
        )
    todo = [run for run in runs if run.state != "finished"]
    place, most = one_place(max(map(len, seeds(todo, MOST_SEEDS)), default=1))

    def line(group: Group) -> list[str]:
        own = ["--one_program", "--jobs=0", f"--workdir={folder}", "--sweep"]
        return [*command, *own, *words_of(group)]

    return Queue(runs, line, [place], seeds(todo, most))


def listed(runs: Sequence[Run]) -> str:
    """A line for each run: its state, what it changes, its folder."""
    rows = [(run.state, run.words, str(run.folder)) for run in runs]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _write(runs: Sequence[Run], folder: pathlib.Path) -> None:
    """What a report is made of: `sweep.json`, an entry a run."""
    found = []
    for run in runs:
        entry = {
            "overrides": run.overrides,
            "folder": run.folder.name,
            "state": run.state,
        }
        if run.state == "finished" and (known := figure(run.folder)):
            entry |= dict(zip(("headline", "value"), known, strict=True))
        found.append(entry)
    write_whole(folder / "sweep.json", json.dumps(found, indent=2) + "\n")
