"""The folder of a run's checkpoints: what lies in it, and who in a cluster decides."""

import contextlib
import pathlib
import re
import shutil
import sys

import jax
import numpy as np
from jax.experimental import multihost_utils


STEP = re.compile("0|[1-9][0-9]*")  # a folder of a checkpoint
SAVING, DELETING = ".saving", ".deleting"  # what a kill leaves of either
DAMAGED = "damaged"  # a folder in it, in which nothing is ever deleted
NEWEST = "newest_checkpoint"  # a file beside it


def saved_steps(run: pathlib.Path) -> list[int]:
    """The steps of the checkpoints in a run's folder, which are whole."""
    return steps_in(run / "checkpoints")


def steps_in(folder: pathlib.Path) -> list[int]:
    """The steps of the checkpoints in a folder of checkpoints, oldest first."""
    names = (path.name for path in folder.glob("*"))
    return sorted(int(name) for name in names if STEP.fullmatch(name))


def unfinished_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """What was not written, or not deleted, to the end."""
    return sorted(p for p in folder.glob("*") if p.suffix in (SAVING, DELETING))


def damaged_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """The checkpoints that were set aside."""
    return sorted((folder / DAMAGED).glob("*"))


def tidy(folder: pathlib.Path, kept: int) -> None:
    """Deletes all but the newest checkpoints, and what a kill left unfinished."""
    for step in steps_in(folder)[:-kept]:
        # A kill in the middle must not leave what looks like a damaged one.
        path = folder / str(step)
        shutil.rmtree(path.rename(path.with_name(path.name + DELETING)))
    for path in unfinished_in(folder):
        if path.suffix == SAVING and any(path.iterdir()):
            say(f"deleted {path}, which a save that was interrupted left")
        shutil.rmtree(path)


def first() -> bool:
    """Whether this process decides for all."""
    return jax.process_index() == 0


def agreed(value: int) -> int:
    """What the first process says, in all processes."""
    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))


def say(line: str) -> None:
    """One line on stderr, whatever else is shown there."""
    with contextlib.suppress(OSError):  # stderr may lie on the disk that is full
        print(line, file=sys.stderr, flush=True)
