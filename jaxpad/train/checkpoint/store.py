"""Checkpoints on the disk: written in the background, whole or not at all."""

import pathlib
import shutil
import threading
from typing import Any

import jax
import orbax.checkpoint as ocp

from ..workdir import write_whole
from .digest import array_digests
from .fits import check_fits
from .folder import NEWEST, SAVING, agreed, first, say, steps_in, tidy
from .manifest import ARRAYS, describe, read_manifest, sync_folder, write_manifest
from .verify import check_digests, check_files


FAILURES = 3  # in a row, after which a run stops
# Of a process: Orbax's counters are, and two runs that save at once wait for ever.
_orbax_saves = threading.Lock()


class Checkpoints:
    """The checkpoints of a run, by step.

    That of step 8 is a folder `8`: in `arrays` what Orbax wrote, under readable names
    (`params/stem/kernel/value`), so that other programs can read it with Orbax alone,
    and beside it `manifest.json`. Both are made in `8.saving`, which is renamed when
    they are whole and on the disk. The file `newest_checkpoint` beside the folder says
    which was the last, so that a run whose checkpoints are gone does not start from
    nothing.

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
        self._made = False

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
            _orbax_saves.acquire()  # released when it is written
            try:
                self._orbax.save(self._saving(step) / ARRAYS, arrays)
            except Exception as error:  # tensorstore has error types of its own
                _orbax_saves.release()
                self._fail(step, error)
            else:
                work = (step, describe(arrays, digests))
                self._thread = threading.Thread(target=self._finish, args=work)
                self._thread.start()
        if wait:
            self.wait()
            # The others must not end while the first is at it, or they seem to fail.
            agreed(0)
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
        manifest = read_manifest(path)
        check_fits(path, manifest["arrays"], wanted)
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, wanted)
        arrays = self._orbax.restore(path / ARRAYS, target)
        check_digests(path, manifest, array_digests(arrays))
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

    def _begin(self, step: int) -> bool:
        """Whether this save is to be done; its folder is then there and empty."""
        if self._thread is not None and self._thread.is_alive():
            self._skip(step)
            return False
        if step in steps_in(self.folder):
            return False
        try:
            shutil.rmtree(self._saving(step), ignore_errors=True)
            # Made once: a folder that has vanished may be a disk that is not mounted.
            self.folder.mkdir(parents=not self._made, exist_ok=True)
            self._made = True
            self._saving(step).mkdir()
        except OSError as error:
            self._fail(step, error)
            return False
        return True

    def _skip(self, step: int) -> None:
        self.skipped += 1
        # At 1, 2, 4, 8 and so on: this can happen as often as there are saves.
        if self.skipped.bit_count() == 1:
            say(
                f"the last checkpoint is still being written: that of step {step} is "
                f"left out, {self.skipped} by now. Give a larger "
                "config.checkpoint_steps."
            )

    def _finish(self, step: int, arrays: dict[str, Any]) -> None:
        """In the background: after Orbax, the manifest, and the name."""
        try:
            try:
                self._orbax.wait_until_finished()
            finally:
                _orbax_saves.release()
            if first():
                write_manifest(self._saving(step), step, arrays)
                self._saving(step).rename(self.folder / str(step))
        except Exception as error:
            self._fail(step, error)
            return
        self._failed.clear()
        if first():
            self._after(step)

    def _after(self, step: int) -> None:
        """What is not part of a checkpoint that is whole already."""
        try:
            sync_folder(self.folder)
            write_whole(self.folder.parent / NEWEST, f"{step}\n")
            tidy(self.folder, self.kept)
        except OSError as error:
            say(f"the checkpoint of step {step} is whole, but {error}")

    def _fail(self, step: int, error: Exception) -> None:
        newest = self.latest()
        whole = f"is of step {newest}" if newest else "is not there yet"
        failure = OSError(
            f"cannot write the checkpoint of step {step} into {self.folder}: {error}\n"
            f"The newest whole checkpoint {whole}."
        )
        self._failed.append(failure)
        say(f"{failure} After {FAILURES} such failures in a row the run stops.")
        if first():  # its space is needed
            shutil.rmtree(self._saving(step), ignore_errors=True)

    def _saving(self, step: int) -> pathlib.Path:
        return self.folder / f"{step}{SAVING}"


def named(state: Any) -> dict[str, Any]:
    """The arrays of a state by the names that they have in a checkpoint."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in leaves
    }
