"""Trackers: who else is told what metrics.jsonl holds, and may fail without harm."""

import dataclasses
import importlib
import importlib.util
import logging
import pathlib
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from ..registry import Registry, parse_call


LOG = logging.getLogger("jaxpad.train")
BEHIND = 10_000  # rows that a tracker may be late by
PATIENCE = 30.0  # seconds that it may take to end

Row = dict[str, Any]


@runtime_checkable
class Tracker(Protocol):
    """What is told of a run; both are called from one thread."""

    def write(self, row: Row, /) -> None:
        """Takes a row of numbers by name; "step" is one of them."""
        ...

    def close(self) -> None:
        """Ends; no row comes after it."""
        ...


# From (the run's folder, its config as a plain dict).
Opener = Callable[[pathlib.Path, dict[str, Any]], Tracker]

TRACKERS: Registry[Opener] = Registry("tracker")
# What has to be installed for a name, and is imported only when a config has it.
REQUIRES = {"tensorboard": "tensorboardX", "trackio": "trackio", "wandb": "wandb"}


@dataclasses.dataclass(frozen=True)
class Calls:
    """A tracker of two functions."""

    write: Callable[[Row], None]
    close: Callable[[], Any]


@TRACKERS.register
def tensorboard(folder: pathlib.Path, config: dict[str, Any]) -> Tracker:
    """Event files in the folder's `tensorboard`."""
    from tensorboardX import SummaryWriter

    opened: list[SummaryWriter] = []

    def write(row: Row) -> None:
        if not opened:
            # What an earlier start wrote from this step on is not shown.
            events = str(folder / "tensorboard")
            opened.append(SummaryWriter(events, purge_step=row["step"]))
        for name, value in _values(row).items():
            opened[0].add_scalar(name, value, row["step"])

    return Calls(write, lambda: [events.close() for events in opened])


@TRACKERS.register
def trackio(
    folder: pathlib.Path, config: dict[str, Any], *, project: str = "jaxpad"
) -> Tracker:
    """A run in Trackio's local data base; `trackio show` opens it.

    A run that goes on is another run of the group that has the folder's name.
    """
    library = importlib.import_module("trackio")
    run = library.init(
        project, name=folder.name, group=folder.name, config=config, embed=False
    )
    return Calls(
        lambda row: run.log(_values(row), step=row["step"]), lambda: run.finish()
    )


@TRACKERS.register
def wandb(
    folder: pathlib.Path, config: dict[str, Any], *, project: str = "jaxpad"
) -> Tracker:
    """An offline run in the folder's `wandb`; `wandb sync` uploads it.

    A run that goes on is another run of the group that has the folder's name.
    """
    library = importlib.import_module("wandb")
    run = library.init(
        project=project,
        name=folder.name,
        group=folder.name,
        dir=str(folder),
        config=config,
        mode="offline",
        # It would take over the terminal, where the progress is shown.
        settings=library.Settings(console="off", silent=True),
    )
    # The rows of one step, of training and of a test, come one after the other.
    run.define_metric("*", step_metric="step")
    return Calls(run.log, run.finish)


def _values(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "step"}


def read_trackers(names: Any) -> tuple[tuple[str, Opener], ...]:
    """The trackers that a config names; nothing is imported that it does not name.

    Args:
        names: one in `TRACKERS`, or several.

    Returns:
        Pairs of a name and its function.

    Raises:
        ValueError: for an unknown name, one that comes twice, or one whose library is
            not installed; it tells what to install.
    """
    several = [names] if isinstance(names, str) or callable(names) else list(names)
    found: dict[str, Any] = {}
    for name in several:
        opener, label = TRACKERS.resolve(name), _label(name)
        if not callable(opener):
            raise ValueError(
                f"{name!r} is {opener!r}: expected a function of (folder, config) that "
                "returns something with write(row) and close()."
            )
        if label in found:
            raise ValueError(f"{label!r} comes twice.")
        _check_installed(label)
        found[label] = opener
    return tuple(found.items())


def _label(name: Any) -> str:
    if isinstance(name, str):
        return parse_call(name, "tracker")[0]
    return getattr(name, "__name__", repr(name))


def _check_installed(name: str) -> None:
    package = REQUIRES.get(name)
    if package is None:
        return
    spec = importlib.util.find_spec(package)
    # A folder of that name, such as one that wandb wrote, is found without an origin.
    if spec is None or spec.origin is None:
        raise ValueError(
            f"{package} is not installed: pip install {package}, or leave {name!r} out;"
            " metrics.jsonl is written in any case."
        )


def follow(
    trackers: Iterable[tuple[str, Opener]],
    folder: pathlib.Path,
    config: dict[str, Any],
) -> list["Follower"]:
    """Opens trackers, each in a thread of its own.

    Args:
        trackers: from `read_trackers`.
        folder: the run's.
        config: as run.
    """
    return [Follower(name, opener, folder, config) for name, opener in trackers]


class Follower:
    """A tracker that cannot stop the training, nor make it wait.

    It is opened, written to and closed in a thread. If it raises, or is too late, it is
    left with one warning.
    """

    def __init__(
        self, name: str, opener: Opener, folder: pathlib.Path, config: dict[str, Any]
    ):
        self.name, self._left = name, False
        self._rows: queue.Queue[Row | None] = queue.Queue(BEHIND)
        self._thread = threading.Thread(
            target=self._run, args=(opener, folder, config), daemon=True
        )
        self._thread.start()

    def write(self, row: Row) -> None:
        """Hands a row over."""
        self._hand_over(dict(row))

    def close(self) -> None:
        """Waits for what was handed over, but not for ever."""
        self._hand_over(None)
        if self._left:
            return
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            self._leave(f"it did not end within {PATIENCE:.0f} s")

    def _hand_over(self, row: Row | None) -> None:
        if self._left:
            return
        try:
            self._rows.put_nowait(row)
        except queue.Full:
            self._leave(f"it is {self._rows.maxsize:,} rows late")

    def _run(
        self, opener: Opener, folder: pathlib.Path, config: dict[str, Any]
    ) -> None:
        try:
            tracker = opener(folder, config)
            while (row := self._rows.get()) is not None:
                tracker.write(row)
            tracker.close()
        except BaseException as error:  # a library may exit, too
            self._leave(f"{type(error).__name__}: {error}")

    def _leave(self, reason: str) -> None:
        # Once left, a tracker that hung and now fails says nothing more.
        if not self._left:
            self._left = True
            LOG.warning(
                "the tracker %r is off: %s. The training goes on; metrics.jsonl has "
                "every row.",
                self.name,
                reason,
            )
