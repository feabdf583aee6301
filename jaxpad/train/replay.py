"""One step again, on a batch that was kept, to see where it is not finite."""

import pathlib
import re
from typing import Any

import jax

from ..untrusted import read_npz
from .build import Job
from .checkpoint import Checkpoints, saved_steps


SHOWN = 20  # arrays
NAME = re.compile(r"batch-(\d+)\.npz")


def replay(job: Job, folder: pathlib.Path, path: pathlib.Path) -> str:
    """What a step on a kept batch says, from the state that it saw.

    The run saved that state under the step's own number when it kept the batch: the
    step changed nothing. Checkpoints of other steps, newer ones too, are no help.

    Args:
        job: of the run.
        folder: of the run.
        path: `batch-STEP.npz`, which the run kept, under that name.

    Returns:
        A table: the loss, and every array of the gradient and of the statistics that
        is not finite.

    Raises:
        ValueError: if the file holds no batch of this job, or the folder no checkpoint
            of the batch's step.
    """
    step = _step(path, folder)
    batch = _batch(path, job, step)
    checkpoints = Checkpoints(folder / "checkpoints", job.checkpoints_kept)
    placed = job.placement
    state = placed.store(checkpoints.restore(step, placed.plain))
    checkpoints.close()
    found = jax.device_get(job.replay_step(state, job.place(batch)))
    lines = [f"step {step} again, on {path}"]
    lines += [f"  {name:20}{value:.6g}" for name, value in found["metrics"].items()]
    for what in ("gradients", "statistics"):
        lines += _bad(what, found[what])
    return "\n".join(lines)


def _batch(path: pathlib.Path, job: Job, step: int) -> Any:
    try:
        batch = read_npz(path)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"--replay={path} is no batch that was kept: {error}"
        ) from error
    like: Any = job.batches[step - 1]  # rows of texts may be longer in another
    expected = {name: (array.shape, array.dtype) for name, array in like.items()}
    found = {name: (array.shape, array.dtype) for name, array in batch.items()}
    if found != expected:
        raise ValueError(
            f"--replay={path} is no batch of this job: it holds {found}, expected "
            f"{expected}. Give the config of the run that kept it."
        )
    return batch


def _step(path: pathlib.Path, folder: pathlib.Path) -> int:
    """The step that a batch was kept of, whose state is there."""
    named = NAME.fullmatch(path.name)
    if named is None:
        raise ValueError(
            f"--replay={path}: expected a file as the run named it, batch-STEP.npz, "
            "for its step's state is what the batch is tried on."
        )
    step, saved = int(named[1]), saved_steps(folder)
    if step not in saved:
        there = ", ".join(map(str, saved)) or "none"
        raise ValueError(
            f"--replay={path} needs the checkpoint of step {step}, the state that the "
            f"step saw, and --workdir={folder} has it no more (whole ones: {there}). "
            "Bring it back from a copy; a run that went on has deleted all but the "
            "newest config.checkpoints_kept."
        )
    return step


def _bad(what: str, counts: dict[str, Any]) -> list[str]:
    bad = {name: int(count) for name, count in counts.items() if count}
    if not bad:
        return [f"{what}: all {len(counts)} arrays are finite"]
    lines = [f"{what}: {len(bad)} of {len(counts)} arrays are not finite"]
    lines += [f"  {name}: {n:,} numbers" for name, n in list(bad.items())[:SHOWN]]
    return lines + (["  ..."] if len(bad) > SHOWN else [])
