"""Exported models: the same arrays back, and a program that runs without jaxpad."""

import pathlib
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import nnx
from jax import export

from jaxpad.models import MODELS
from jaxpad.models.export import (
    PLATFORMS,
    from_safetensors,
    named_arrays,
    program,
    to_orbax,
    to_safetensors,
    to_stablehlo,
)
from tests.models.nets import filled, run


def make(padding: Any = "reflect", width: int = 2, **options) -> Any:
    return MODELS["unet"](
        3, 4, width=width, depth=1, padding=padding, **options, rngs=nnx.Rngs(0)
    )


def abstract(**options) -> Any:
    return nnx.eval_shape(lambda: make(**options))


@pytest.fixture(scope="module")
def model() -> Any:
    """With an input that is drawn in training, and statistics that matter."""
    return filled(lambda: make("random"))


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)


def shown(images: Any) -> Any:
    return (jnp.asarray(images, jnp.float32) / 255 - 0.4) / 0.2


# What has only jax: the packages that the model was made with cannot be imported.
ALONE = """
import sys
for name in ("jaxpad", "flax", "orbax", "safetensors"):
    sys.modules[name] = None
try:
    import jaxpad
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("jaxpad can be imported")
import numpy as np
from jax import export

program, images, scores = sys.argv[1:]
with open(program, "rb") as file:
    net = export.deserialize(file.read())
np.save(scores, net.call(np.load(images)))
"""


def test_stablehlo_runs_where_jaxpad_is_not(tmp_path: pathlib.Path, model: Any):
    paths = [tmp_path / name for name in ("net.bin", "images.npy", "scores.npy")]
    x = images(3, 9, 12)
    training = nnx.clone(model)
    training.train()  # the program is of evaluation all the same
    to_stablehlo(training, paths[0], (9, 12, 3), before=shown)
    np.save(paths[1], x)
    command = [sys.executable, "-I", "-c", ALONE, *map(str, paths)]
    subprocess.run(command, check=True, cwd=tmp_path, env={"JAX_PLATFORMS": "cpu"})
    scores = np.load(paths[2])
    assert scores.shape == (3, 9, 12, 4)
    np.testing.assert_allclose(scores, run(model, shown(x)), atol=1e-5)


def test_program_says_what_it_takes(model: Any):
    made = program(model, (8, 6, 3))
    assert made.platforms == PLATFORMS
    (images,), (scores,) = made.in_avals, made.out_avals
    assert (images.dtype, scores.dtype) == (jnp.float32, jnp.float32)
    assert str(images.shape) == "(batch, 8, 6, 3)"
    assert str(scores.shape) == "(batch, 8, 6, 4)"
    half = filled(lambda: make(dtype=jnp.bfloat16))
    half = program(half, (8, 6, 3), batch=2, before=shown)
    (images,), (scores,) = half.in_avals, half.out_avals
    assert (images.shape, images.dtype) == ((2, 8, 6, 3), jnp.uint8)
    assert scores.dtype == jnp.float32


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet20", {"width": 2}),
        (
            "deeplabv3plus",
            {"encoder": "resnet18(width=2)", "features": 2, "multi_grid": (1, 1)},
        ),
    ],
)
def test_models_take_any_batch(name: str, options: dict):
    net = filled(
        lambda: MODELS[name](3, 4, padding="circular", **options, rngs=nnx.Rngs(0))
    )
    made = program(net, (17, 32, 3), platforms=["cpu"])
    assert str(made.out_avals[0].shape[0]) == "batch"
    x = np.asarray(shown(images(2, 17, 32)))
    scores = export.deserialize(made.serialize()).call(x)
    np.testing.assert_allclose(scores, run(net, x), atol=1e-5)


def test_a_model_that_reads_the_batch():
    """Each image of HEALPix is twelve of the batch."""
    net = filled(lambda: make("healpix"))
    with pytest.raises(ValueError, match=r"reads the size of the batch .* batch=1"):
        program(net, (8, 8, 3))
    assert program(net, (8, 8, 3), batch=12).out_avals[0].shape == (12, 8, 8, 4)


def test_the_models_own_errors_pass():
    with pytest.raises(ValueError, match="smallest legal input is 3x3"):
        program(filled(make), (2, 2, 3))


def test_arrays_have_the_names_of_checkpoints(model: Any):
    arrays = named_arrays(model)
    params = {p.size for p in jax.tree.leaves(nnx.state(model, nnx.Param))}
    assert {"head/kernel", "up/0/convs/1/kernel", "down/1/norms/0/var"} <= set(arrays)
    assert not any("rng" in name or "count" in name for name in arrays)
    assert {a.size for a in arrays.values()} == params


def test_safetensors_come_back(tmp_path: pathlib.Path, model: Any):
    to_safetensors(model, tmp_path / "net.safetensors")
    again = filled(lambda: make("random"), seed=1)
    from_safetensors(again, tmp_path / "net.safetensors")
    x = shown(images(1, 8, 8))
    np.testing.assert_array_equal(run(again, x), run(model, x))


def test_safetensors_of_another_network(tmp_path: pathlib.Path, model: Any):
    to_safetensors(model, tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match="holds another network") as error:
        from_safetensors(abstract(width=3), tmp_path / "net.safetensors")
    assert "(3, 3, 3, 3), the file (3, 3, 3, 2)" in str(error.value)
    with pytest.raises(ValueError, match=r"norms/0/bias: the model has nothing"):
        from_safetensors(abstract(norm=False), tmp_path / "net.safetensors")


def test_safetensors_that_are_damaged(tmp_path: pathlib.Path, model: Any):
    path = tmp_path / "net.safetensors"
    to_safetensors(model, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=rf"{path} cannot be read: .*metadata"):
        from_safetensors(model, path)


def test_orbax_reads_the_checkpoint_alone(tmp_path: pathlib.Path, model: Any):
    to_orbax(model, tmp_path / "net")
    arrays = named_arrays(model)
    with ocp.StandardCheckpointer() as checkpointer:
        like = jax.tree.map(ocp.utils.to_shape_dtype_struct, arrays)
        found = checkpointer.restore(tmp_path / "net", like)
    assert sorted(found) == sorted(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    with pytest.raises(ValueError, match="already exists"):
        to_orbax(model, tmp_path / "net")
