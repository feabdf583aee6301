"""The checkpoint that a run goes on from: the newest that is good."""

import itertools
import pathlib
from typing import Any

from .folder import DAMAGED, NEWEST, agreed, damaged_in, first, say, steps_in, tidy
from .manifest import DamagedError
from .store import Checkpoints
from .verify import check_files


NONE, LOST = 0, -1  # no checkpoint has been written yet; none is good


def newest_good(checkpoints: Checkpoints, like: Any) -> tuple[int, Any] | None:
    """The newest checkpoint that is as it was written; damaged ones are set aside.

    Args:
        checkpoints: of a run that nobody else has open.
        like: the shapes and shardings of the state.

    Returns:
        Its step and state; None if the run has written none yet.

    Raises:
        DamagedError: if there were checkpoints and none is good.
        ValueError: if the checkpoint holds other arrays than `like`.
    """
    while True:
        step = agreed(_choose(checkpoints) if first() else NONE)
        if step == LOST:
            raise DamagedError(_lost(checkpoints.folder))
        try:
            found = (step, checkpoints.read(step, like)) if step else None
        except DamagedError as error:  # all processes see the same arrays
            if first():
                _set_aside(checkpoints.folder / str(step), error)
        else:
            if first():
                tidy(checkpoints.folder, checkpoints.kept)
            return found


def _lost(folder: pathlib.Path) -> str:
    return (
        f"{folder} has no good checkpoint any more, but the run has written some; the "
        f"damaged ones are in {folder / DAMAGED}, where nothing is deleted. Bring one "
        "back from a copy and run the same command again, or begin anew with another "
        "--workdir."
    )


def _choose(checkpoints: Checkpoints) -> int:
    """The newest step whose files are good, after the worse have been set aside."""
    folder = checkpoints.folder
    for step in reversed(steps_in(folder)):
        path = folder / str(step)
        try:
            check_files(path)
        except DamagedError as error:
            _set_aside(path, error)
        else:
            return step
    had = damaged_in(folder) or (folder.parent / NEWEST).exists()
    return LOST if had else NONE


def _set_aside(path: pathlib.Path, error: DamagedError) -> None:
    to = path.parent / DAMAGED / path.name
    to.parent.mkdir(exist_ok=True)
    names = (f"{path.name}-{n}" for n in itertools.count(2))
    while to.exists():
        to = to.with_name(next(names))
    path.rename(to)
    older = max(steps_in(path.parent), default=None)
    then = f"trying step {older}" if older else "no older one is there"
    say(f"damaged: {error}. It is set aside in {to}; {then}.")
