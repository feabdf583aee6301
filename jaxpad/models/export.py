"""Trained models as files that other programs read.

The arrays alone, as safetensors or as an Orbax checkpoint; or the whole network with
its weights inside, as a StableHLO program that runs where jax is and jaxpad is not.
"""

import os
import pathlib
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from flax import nnx
from jax import export
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ..typing import Array
from .paths import named_variables


Path = str | os.PathLike[str]

PLATFORMS = ("cpu", "cuda", "tpu")


def named_arrays(model: nnx.Module) -> dict[str, np.ndarray]:
    """The parameters and statistics of a model by their paths.

    The keys of random numbers are left out: they mean nothing to a trained model.

    Example:
        >>> model = nnx.BatchNorm(2, rngs=nnx.Rngs(0))
        >>> sorted(named_arrays(model))
        ['bias', 'mean', 'scale', 'var']
    """
    return {name: np.asarray(v[...]) for name, v in named_variables(model).items()}


def to_safetensors(model: nnx.Module, path: Path) -> None:
    """Writes the arrays of a model into one safetensors file, by their paths."""
    arrays = {name: np.ascontiguousarray(a) for name, a in named_arrays(model).items()}
    pathlib.Path(path).write_bytes(save(arrays))


def from_safetensors(model: nnx.Module, path: Path) -> None:
    """Puts the arrays that `to_safetensors` wrote into a model, all of them or none.

    Args:
        model: of the same architecture, with any padding.
        path: of the file.

    Raises:
        ValueError: if the file is damaged, or an array is missing, is not one of the
            model's, or has another shape; the model is then unchanged.
    """
    try:
        arrays = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    variables = named_variables(model)
    shapes = {name: v.shape for name, v in variables.items()}
    found = {name: array.shape for name, array in arrays.items()}
    if shapes != found:
        raise ValueError(_differences(path, shapes, found))
    for name, variable in variables.items():
        variable.set_value(jnp.asarray(arrays[name], variable.dtype))


def to_orbax(model: nnx.Module, folder: Path) -> None:
    """Writes the arrays of a model as an Orbax checkpoint, by their paths.

    Raises:
        ValueError: if the folder is there already.
    """
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(pathlib.Path(folder).absolute(), named_arrays(model))


def program(
    model: nnx.Module,
    image: Sequence[int],
    *,
    batch: int | None = None,
    before: Callable[[Array], Array] | None = None,
    platforms: Sequence[str] = PLATFORMS,
) -> export.Exported:
    """The model in evaluation as a StableHLO program, with its weights inside.

    Args:
        model: from images float32 `[batch, h, w, c]` to scores.
        image: `(h, w, c)`.
        batch: images that it takes at a time; None is any number.
        before: from uint8 images `[batch, h, w, c]` to the model's; it becomes a part
            of the program, which then takes uint8.
        platforms: on which it runs, among "cpu", "cuda", "rocm" and "tpu".

    Returns:
        The program, whose `call(images)` gives float32 scores and whose `serialize()`
        gives its bytes.

    Raises:
        ValueError: as the model; or if it needs to know the batch.

    Example:
        >>> from jaxpad.models import unet
        >>> net = unet(3, 2, width=2, depth=1, rngs=nnx.Rngs(0))
        >>> program(net, (8, 6, 3)).out_avals
        (ShapedArray(float32[batch,8,6,2]),)
    """
    graph, state = nnx.split(model)
    state = jax.device_get(state)  # on one device, wherever the training was

    def scores(images: Array) -> Array:
        model = nnx.merge(graph, state, copy=True)
        model.eval()
        return model(images if before is None else before(images)).astype(jnp.float32)

    count = export.symbolic_shape("batch")[0] if batch is None else batch
    dtype = jnp.float32 if before is None else jnp.uint8
    images = jax.ShapeDtypeStruct((count, *image), dtype)
    try:
        return export.export(jax.jit(scores), platforms=platforms)(images)
    except (TypeError, jax.errors.InconclusiveDimensionOperation) as error:
        if batch is not None:
            raise
        raise ValueError(
            "this model cannot be exported for any number of images, because it reads "
            f"the size of the batch ({str(error).splitlines()[0]}). Give the number "
            "that it will take, such as batch=1."
        ) from error


def to_stablehlo(
    model: nnx.Module,
    path: Path,
    image: Sequence[int],
    *,
    batch: int | None = None,
    before: Callable[[Array], Array] | None = None,
    platforms: Sequence[str] = PLATFORMS,
) -> None:
    """Writes `program(model, image, ...)` into a file, which runs without jaxpad.

    The file is read by `jax.export.deserialize(bytes)`, whose `call(images)` gives the
    scores. The arguments are `program`'s.
    """
    made = program(model, image, batch=batch, before=before, platforms=platforms)
    pathlib.Path(path).write_bytes(made.serialize())


def _differences(path: Path, shapes: dict, found: dict) -> str:
    lines = [f"{path} holds another network than the model:"]
    for name in sorted({*shapes, *found}):
        if shapes.get(name) != found.get(name):
            model, file = (d.get(name, "nothing") for d in (shapes, found))
            lines.append(f"  {name}: the model has {model}, the file {file}")
    shown = lines[:11] + ([f"  and {len(lines) - 11} more"] if len(lines) > 11 else [])
    return "\n".join([*shown, "Make the model as it was when the file was written."])
