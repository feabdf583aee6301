"""One step again, on a batch that was kept, to see where it is not finite."""

import pathlib
from typing import Any

import jax

from ..untrusted import read_npz
from .build import Job
from .checkpoint import Checkpoints


SHOWN = 20  # arrays


def replay(job: Job, folder: pathlib.Path, path: pathlib.Path) -> str:
    """What a step on a kept batch says, from a run's newest checkpoint.

    The run saved that checkpoint when it kept the batch: the steps in between changed
    nothing, so this is the state that the step saw.

    Args:
        job: of the run.
        folder: of the run.
        path: `batch-STEP.npz`, which the run kept.

    Returns:
        A table: the loss, and every array of the gradient and of the statistics that
        is not finite.

    Raises:
        ValueError: if the file holds no batch of this job, or the folder no checkpoint.
    """
    batch = _batch(path, job)
    checkpoints = Checkpoints(folder / "checkpoints", job.checkpoints_kept)
    step = checkpoints.latest()
    if step is None:
        raise ValueError(f"--workdir={folder} holds no whole checkpoint to begin with.")
    placed = job.placement
    state = placed.store(checkpoints.restore(step, placed.plain))
    checkpoints.close()
    found = jax.device_get(job.replay_step(state, job.place(batch)))
    lines = [f"the step after {step}, on {path}"]
    lines += [f"  {name:20}{value:.6g}" for name, value in found["metrics"].items()]
    for what in ("gradients", "statistics"):
        lines += _bad(what, found[what])
    return "\n".join(lines)


def _batch(path: pathlib.Path, job: Job) -> Any:
    try:
        batch = read_npz(path)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"--replay={path} is no batch that was kept: {error}"
        ) from error
    like: Any = job.batches[0]
    expected = {name: (array.shape, array.dtype) for name, array in like.items()}
    found = {name: (array.shape, array.dtype) for name, array in batch.items()}
    if found != expected:
        raise ValueError(
            f"--replay={path} is no batch of this job: it holds {found}, expected "
            f"{expected}. Give the config of the run that kept it."
        )
    return batch


def _bad(what: str, counts: dict[str, Any]) -> list[str]:
    bad = {name: int(count) for name, count in counts.items() if count}
    if not bad:
        return [f"{what}: all {len(counts)} arrays are finite"]
    lines = [f"{what}: {len(bad)} of {len(counts)} arrays are not finite"]
    lines += [f"  {name}: {n:,} numbers" for name, n in list(bad.items())[:SHOWN]]
    return lines + (["  ..."] if len(bad) > SHOWN else [])
