"""What a sweep shows: how far it is while it runs, and in the end what it found."""

import contextlib
import functools
import json
import operator
import pathlib
import statistics
import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ...untrusted import read_json
from ..clock import duration
from ..screen import Screen, Status
from .processes import Queue
from .runs import Run
from .words import in_words, with_overrides


TAIL = 4096  # bytes of a log; its last row is shorter


class Board:
    """Shows a queue on a console: a table that lives on a terminal, lines elsewhere.

    Args:
        queue: of runs.
        config: that they change.
        console: where it is shown.
    """

    def __init__(self, queue: Queue, config: Any, console: Console):
        self.queue, self.console, self._start = queue, console, time.monotonic()
        self._epochs = {
            run.folder: length(with_overrides(config, run.overrides))
            for run in queue.runs
        }

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Until the end of the body."""
        if not self.console.is_interactive:
            with Screen(self.console, self._status).shown():
                yield
            return
        with Live(
            get_renderable=self._table,
            console=self.console,
            refresh_per_second=2,
            transient=True,
        ):
            yield

    def _status(self) -> Status:
        queue = self.queue
        working = queue.running
        parts = [f"{len(working)} running", f"{queue.left} left"]
        if queue.failed:
            parts.append(f"{len(queue.failed)} failed")
        if (left := self._left(working)) is not None:
            parts.append(f"{duration(left)} left")
        if best := self._best():
            parts.append(f"best so far {best}")
        count = len(queue.runs)
        head = f"{len(queue.finished)} of {count} runs done"
        return Status(head, parts, len(queue.finished), count)

    def _table(self) -> RenderableType:
        table = Table("running", "done", "loss", box=None, pad_edge=False)
        for run in self.queue.running:
            row = last_row(run)
            done, loss = self._share(run), row.get("loss")
            shown = "" if loss is None else f"{loss:.4g}"
            table.add_row(Text(run.words), f"{done:.0%}", shown)
        head, parts, *_ = self._status()
        return Group(table, Text(", ".join([head, *parts])))

    def _share(self, run: Run) -> float:
        unit, whole = self._epochs[run.folder]
        return min(1.0, last_row(run).get(unit, 0) / whole)

    def _left(self, working: list[Run]) -> float | None:
        """Seconds, if anything is known yet; all runs are taken for equally long."""
        done = len(self.queue.finished) - self.queue.before
        shares = sum(self._share(run) for run in working)
        if not done + shares:
            return None
        left = len(working) + self.queue.left - shares
        return (time.monotonic() - self._start) * left / (done + shares)

    def _best(self) -> str:
        pairs = [(figure(run.folder), run) for run in self.queue.finished]
        found = [(*known, run.words) for known, run in pairs if known]
        if not found:
            return ""
        name, value, words = max(found, key=operator.itemgetter(1))
        return f"{name} {value:.4f} of {words}"


def length(config: Any) -> tuple[str, float]:
    """What a row of the log counts, and how much of it a run takes."""
    return ("step", config.steps) if config.steps else ("epoch", config.epochs)


def last_row(run: Run) -> dict[str, Any]:
    """The last row that a run has logged; empty before there is one."""
    try:
        with (run.folder / "metrics.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL))
            lines = file.read().split(b"\n")[:-1]
        return json.loads(lines[-1])
    except (OSError, ValueError, IndexError):
        return {}


@functools.cache
def figure(folder: pathlib.Path) -> tuple[str, float] | None:
    """The name and the value of what a finished run is judged by; None if damaged."""
    try:
        results = read_json(folder / "results.json")
        return results["headline"], float(results["test"][results["headline"]])
    except (KeyError, OSError, TypeError, ValueError):
        return None


def summary(queue: Queue) -> str:
    """A line for each arm, over its seeds, and for each run that has failed."""
    arms: dict[str, list[float]] = {}
    name, damaged = "", []
    for run in queue.finished:
        if (known := figure(run.folder)) is None:
            damaged.append(run)
        else:
            name, value = known
            arm = {k: v for k, v in run.overrides.items() if k != "seed"}
            arms.setdefault(in_words(arm) or "all", []).append(value)
    width = max(map(len, arms), default=0)
    lines = [f"{'':{width}}  runs  {name}"] if arms else []
    for words, values in arms.items():
        spread = f" +- {statistics.stdev(values):.4f}" if len(values) > 1 else ""
        mean = statistics.mean(values)
        lines.append(f"{words:{width}}  {len(values):4}  {mean:.4f}{spread}")
    lines += [
        f"{run.folder / 'results.json'} cannot be read: delete that folder, and the "
        "same command trains the run again"
        for run in damaged
    ]
    for run in queue.runs:
        if (failed := queue.failed.get(run.folder.name)) is not None:
            code, told = failed
            lines.append(f"failed with {code}: {run.words}; see {told}")
    return "\n".join(lines)
