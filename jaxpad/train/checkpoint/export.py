"""From a run's folder to the trained model, and to a file that others read."""

import pathlib
from collections.abc import Collection
from typing import Any

import ml_collections
from flax import nnx

from ...models.export import to_orbax, to_safetensors, to_stablehlo
from ...registry import restored
from ...untrusted import read_json
from ..build import Job, build
from ..step import to_float
from .store import Checkpoints


def saved_config(folder: pathlib.Path) -> Any:
    """The config of a run, of which nothing is resolved yet.

    Raises:
        ValueError: if the folder holds no run.
    """
    try:
        return ml_collections.ConfigDict(read_json(folder / "config.json"))
    # The last two are of keys such as "__init__".
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise ValueError(f"{folder} is no run's folder: {error}.") from error


def trained(
    folder: pathlib.Path, imports: Collection[str] = ()
) -> tuple[nnx.Module, Job]:
    """The model of a run's newest checkpoint, in evaluation, and the run's job.

    It is the moving average where the run kept one. The data set is opened, for its
    classes and the size of its images.

    Args:
        folder: of the run.
        imports: names such as `"mylab.pads:polar"` that its config may import.

    Raises:
        DamagedError: if that checkpoint is not as it was written.
        ValueError: if the folder holds no run, or no checkpoint, or its config names
            code that is not among `imports`.
    """
    config = saved_config(folder)
    with restored(imports):
        job = build(config)
    checkpoints = Checkpoints(folder / "checkpoints", job.checkpoints_kept)
    step = checkpoints.latest()
    if step is None:
        raise ValueError(f"{folder} holds no whole checkpoint: train for longer.")
    placed = job.placement
    model = job.model(placed.store(checkpoints.restore(step, placed.plain)))
    checkpoints.close()
    return model, job


def export_run(
    folder: pathlib.Path, target: pathlib.Path, imports: Collection[str] = ()
) -> str:
    """Writes the trained model of a run, in the form that the target's name says.

    Args:
        folder: of the run.
        target: `NAME.stablehlo`, a program from uint8 images to scores, of the size
            that the run tests on; `NAME.safetensors`, or a folder without a suffix for
            Orbax, the arrays.
        imports: as in `trained`.

    Returns:
        What was written, in words.

    Raises:
        ValueError: for another suffix, or a folder without a trained run.
    """
    forms: dict[str, Any] = {"": to_orbax, ".safetensors": to_safetensors}
    if target.suffix not in (*forms, ".stablehlo"):
        raise ValueError(
            f"{target}: expected NAME.stablehlo, NAME.safetensors, or a folder's name "
            "without a dot for Orbax."
        )
    if target.exists():
        raise ValueError(f"{target} is there already: give another name.")
    model, job = trained(folder, imports)
    if target.suffix in forms:
        forms[target.suffix](model, target)
        return f"{target}: {job.parameters:,} parameters of {job.config['model']}"
    if job.task.unit != "images":
        raise ValueError(
            f"{target}: a program takes images, and {job.config['model']} takes "
            f"{job.task.unit}: write its arrays, to NAME.safetensors or a folder."
        )
    image = job.test_batches[0]["image"].shape[1:]
    to_stablehlo(model, target, image, before=lambda x: job.normalize(to_float(x)))
    shape, scores = "x".join(map(str, image)), len(job.dataset.classes)
    return f"{target}: from uint8 images of {shape} to {scores} scores"
