"""Checkpoints: a small interface in front of Orbax."""

import pathlib
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers


class Checkpoints:
    """The checkpoints of a run, by step.

    Arrays are stored under readable names (`params/stem/kernel`), so that other
    programs can read them with Orbax alone.

    Args:
        folder: where they lie; made on the first save.
        kept: how many of the newest are kept.
    """

    def __init__(self, folder: pathlib.Path, kept: int):
        self.folder = folder
        options = ocp.CheckpointManagerOptions(
            preservation_policy=checkpoint_managers.LatestN(kept),
            # Saving before the next step starts costs milliseconds at this size, and
            # an error surfaces where it happened.
            enable_async_checkpointing=False,
            cleanup_tmp_directories=True,
        )
        self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def latest(self) -> int | None:
        """The newest step that was saved whole, if any."""
        return self._manager.latest_step()

    def save(self, step: int, state: Any) -> None:
        """Saves the state after `step` steps.

        Raises:
            OSError: if it cannot be written, saying what is still whole.
        """
        try:
            self._manager.save(step, args=ocp.args.StandardSave(_named(state)))
        except Exception as error:  # tensorstore has error types of its own
            raise OSError(
                f"cannot write the checkpoint of step {step} into {self.folder}: "
                f"{error}\nThe newest whole checkpoint is of step {self.latest()}. "
                "Free space or mend the folder and run the same command again: it goes "
                "on from there."
            ) from error

    def restore(self, step: int, like: Any) -> Any:
        """The state after `step` steps, with the shapes and shardings of `like`."""
        named = _named(like)
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, named)
        arrays = self._manager.restore(step, args=ocp.args.StandardRestore(target))
        return jax.tree.unflatten(jax.tree.structure(like), [arrays[n] for n in named])

    def close(self) -> None:
        """Waits for what is being written."""
        self._manager.close()


def saved_steps(folder: pathlib.Path) -> list[int]:
    """The steps of the checkpoints in a run's folder, which are whole."""
    names = (path.name for path in folder.glob("checkpoints/*"))
    return sorted(int(name) for name in names if name.isdigit())


def _named(state: Any) -> dict[str, Any]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in leaves
    }
