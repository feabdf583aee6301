"""Checkpoints on the disk: written in the background, whole or not at all."""

import pathlib
import shutil
import sys
import threading
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from ..workdir import write_whole
from .digest import array_digests
from .fits import check_fits
from .manifest import (
    ARRAYS,
    DamagedError,
    check_files,
    describe,
    listed,
    read_manifest,
    sync_folder,
    write_manifest,
)


SAVING, DELETING = ".saving", ".deleting"
NEWEST = "newest_checkpoint"  # beside the folder of checkpoints
FAILURES = 3  # in a row, after which a run stops


class Checkpoints:
    """The checkpoints of a run, by step.

    That of step 8 is a folder `8`: in `arrays` what Orbax wrote, under readable names
    (`params/stem/kernel`), so that other programs can read it with Orbax alone, and
    beside it `manifest.json`. Both are made in `8.saving`, which is renamed when they
    are whole and on the disk. The file `newest_checkpoint` beside the folder says which
    was the last, so that a run whose checkpoints are gone does not start from nothing.

    In a cluster every process calls the methods, in the same order; the first decides.

    Args:
        folder: where they lie; made on the first save.
        kept: how many of the newest are kept.
    """

    def __init__(self, folder: pathlib.Path, kept: int):
        self.folder, self.kept, self.skipped = folder.absolute(), kept, 0
        self._orbax = ocp.StandardCheckpointer()
        self._thread: threading.Thread | None = None
        self._failed: list[Exception] = []

    def latest(self) -> int | None:
        """The newest step that was saved whole, if any."""
        return max(steps_in(self.folder), default=None)

    def save(self, step: int, state: Any, *, wait: bool = False) -> None:
        """Saves the state after `step` steps: returns when the devices may go on.

        The rest is done in the background. If that fails, it is said at once on
        stderr, and the next save tries again. A save that comes while the last one is
        still written is left out, and counted in `skipped`.

        Args:
            step: steps done.
            state: a pytree of arrays, which may be donated as soon as this returns.
            wait: whether to return when it is on the disk, whatever is still written.

        Raises:
            OSError: after `FAILURES` saves in a row that failed, or at the first if
                this one waits.
        """
        self.check()
        if wait:
            self.wait()
        if agreed(self._begin(step) if first() else 0):
            self.wait()  # another process than the first may be a moment behind
            arrays = named(state)
            digests = array_digests(arrays)
            try:
                self._orbax.save(self._saving(step) / ARRAYS, arrays)
            except Exception as error:  # tensorstore has error types of its own
                self._fail(step, error)
            else:
                work = (step, describe(arrays, digests))
                self._thread = threading.Thread(target=self._finish, args=work)
                self._thread.start()
        if wait:
            self.wait()
            self.check(limit=1)

    def check(self, limit: int = FAILURES) -> None:
        """Raises if so many saves in a row have failed; costs nothing.

        Raises:
            OSError: saying what is still whole.
        """
        if len(self._failed) >= limit:
            raise OSError(
                f"{self._failed[-1]} Free space or mend the folder and run the same "
                "command again: it goes on from there."
            ) from self._failed[-1]

    def restore(self, step: int, like: Any) -> Any:
        """The state after `step` steps, with the shapes and shardings of `like`.

        Raises:
            DamagedError: if a file or an array is not as it was written.
            ValueError: if the checkpoint holds other arrays than `like`.
        """
        self.wait()
        check_files(self.folder / str(step))
        return self.read(step, like)

    def read(self, step: int, like: Any) -> Any:
        """As `restore`, of a checkpoint whose files have been checked."""
        path, wanted = self.folder / str(step), named(like)
        saved = read_manifest(path)["arrays"]
        check_fits(path, saved, wanted)
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, wanted)
        arrays = self._orbax.restore(path / ARRAYS, target)
        digests = array_digests(arrays)
        if other := [n for n in saved if digests[n] != saved[n]["digest"]]:
            names = listed([f"array {name}" for name in other])
            raise DamagedError(f"{path}: not as they were on the devices: {names}")
        return jax.tree.unflatten(jax.tree.structure(like), [arrays[n] for n in wanted])

    def wait(self) -> None:
        """Waits for what is being written, whether it succeeds or not."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Waits, and lets go of Orbax's threads."""
        self.wait()
        self._orbax.close()

    def tidy(self) -> None:
        """Deletes what is older than the newest kept, and what a kill left unfinished.

        While there is no checkpoint, what is unfinished tells that there was none.
        """
        steps = steps_in(self.folder)
        for step in steps[: -self.kept]:
            # A kill in the middle must not leave what looks like a damaged one.
            path = self.folder / str(step)
            shutil.rmtree(path.rename(path.with_name(path.name + DELETING)))
        for path in unfinished_in(self.folder) if steps else ():
            if path.suffix == SAVING and any(path.iterdir()):
                say(f"deleted {path}, which a save that was interrupted left")
            shutil.rmtree(path)

    def _begin(self, step: int) -> bool:
        """Whether this save is to be done; its folder is then there and empty."""
        if self._thread is not None and self._thread.is_alive():
            self._skip(step)
            return False
        if step in steps_in(self.folder):
            return False
        try:
            shutil.rmtree(self._saving(step), ignore_errors=True)
            self._saving(step).mkdir(parents=True)
        except OSError as error:
            self._fail(step, error)
            return False
        return True

    def _skip(self, step: int) -> None:
        self.skipped += 1
        # At 1, 2, 4, 8 and so on: this can happen as often as there are saves.
        if self.skipped.bit_count() == 1:
            say(
                f"the last checkpoint is still written: that of step {step} is left "
                f"out, {self.skipped} by now. Give a larger config.checkpoint_steps."
            )

    def _finish(self, step: int, arrays: dict[str, Any]) -> None:
        """In the background: after Orbax, the manifest, and the name."""
        try:
            self._orbax.wait_until_finished()
            if first():
                write_manifest(self._saving(step), step, arrays)
                self._saving(step).rename(self.folder / str(step))
                sync_folder(self.folder)
                write_whole(self.folder.parent / NEWEST, f"{step}\n")
                self.tidy()
        except Exception as error:
            self._fail(step, error)
        else:
            self._failed.clear()

    def _fail(self, step: int, error: Exception) -> None:
        newest = self.latest()
        whole = f"is of step {newest}" if newest else "is not there yet"
        failure = OSError(
            f"cannot write the checkpoint of step {step} into {self.folder}: {error}\n"
            f"The newest whole checkpoint {whole}."
        )
        self._failed.append(failure)
        say(str(failure))
        if first():  # its space is needed; that there was a save is not forgotten
            for path in self._saving(step).glob("*"):
                shutil.rmtree(path, ignore_errors=True)
                path.unlink(missing_ok=True) if path.is_file() else None

    def _saving(self, step: int) -> pathlib.Path:
        return self.folder / f"{step}{SAVING}"


def saved_steps(folder: pathlib.Path) -> list[int]:
    """The steps of the checkpoints in a run's folder, which are whole."""
    return steps_in(folder / "checkpoints")


def steps_in(folder: pathlib.Path) -> list[int]:
    """The steps of the checkpoints in a folder of checkpoints, oldest first."""
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdigit())


def unfinished_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """What was not written, or not deleted, to the end."""
    return sorted(p for p in folder.glob("*") if p.suffix in (SAVING, DELETING))


def named(state: Any) -> dict[str, Any]:
    """The arrays of a state by the names that they have in a checkpoint."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in leaves
    }


def first() -> bool:
    """Whether this process decides for all."""
    return jax.process_index() == 0


def agreed(value: int) -> int:
    """What the first process says, in all processes."""
    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))


def say(line: str) -> None:
    """One line on stderr, whatever else is shown there."""
    print(line, file=sys.stderr, flush=True)
