"""One device, eight devices and all stages of ZeRO train networks alike."""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad.data import CROPS, DATASETS, TrainBatches
from jaxpad.sharding import make_mesh, spread
from jaxpad.train.checkpoint import Checkpoints
from jaxpad.train.functions import read_functions
from jaxpad.train.placement import placement

from .jobs import small_config


STEPS = 3
PHOTOS = {
    "dataset": "photos10",
    "train_crop": "random_resized_crop(size=32)",
    "augment": (),
}
SCENES = {
    **PHOTOS,
    "dataset": "digit_scenes",
    "train_crop": "resize_crop(size=32, resize=32)",
    "label_smoothing": 0.0,
}
DEEPLAB = "encoder='tests.train.networks:encoder', features=8, multi_grid=(1, 2)"
NETWORKS: dict[str, dict[str, Any]] = {
    "resnet": {"model": "tests.train.networks:resnet8", **PHOTOS},
    "vit": {
        "model": "vit_s_16(image_size=32, patch=8, width=24, depth=2, heads=2)",
        "optimizer": ("adamw(weight_decay=0.05)",),
        "learning_rate": 1e-3,
        **PHOTOS,
    },
    "deeplab": {"model": f"deeplabv3plus({DEEPLAB})", **SCENES},
    "unet": {"model": "unet(width=4, depth=2)", **SCENES},
}


def mesh_of(devices: int, model: int = 1, spatial: int = 1) -> jax.sharding.Mesh:
    sizes = {"data": -1, "spatial": spatial, "model": model}
    return make_mesh(sizes, jax.devices()[:devices])


@functools.cache
def dataset(name: str) -> Any:
    return DATASETS[name]()


@functools.cache
def setup(name: str, mesh: jax.sharding.Mesh, stage: int, **changes: Any) -> Any:
    config: Any = small_config(
        zero=stage, zero_coverage=0.5, batch_size=16, padding="circular",
        **NETWORKS[name] | dict(changes),
    )  # fmt: skip
    data = dataset(str(config.dataset))
    batches = TrainBatches(data, 16, 0, crop=CROPS.resolve(config.train_crop))
    place = functools.partial(spread, mesh)
    sample = place(batches[0])
    made = read_functions(config, data, sample, mesh, 100, 10, parts=config.parts)
    placed = placement(mesh, made.split, jax.eval_shape(made.init))
    return made, placed, lambda step: place(batches[step])


@functools.cache
def trained(
    name: str,
    devices: int,
    stage: int,
    model: int = 1,
    spatial: int = 1,
    sharding: str = "whole",
) -> tuple[Any, list[float]]:
    """The plain parameters after some steps, and the losses on the way."""
    mesh = mesh_of(devices, model, spatial)
    made, placed, batches = setup(name, mesh, stage, sharding=sharding)
    state = placed.store(made.init())
    step = jax.jit(made.train, out_shardings=(placed.shardings, None))
    losses = []
    for number in range(STEPS):
        state, metrics = step(state, batches(number))
        losses.append(float(metrics["loss"]))
    return jax.device_get(placed.unpack(state).params), losses


def assert_alike(ours: tuple[Any, list[float]], theirs: tuple[Any, list[float]]):
    np.testing.assert_allclose(ours[1], theirs[1], rtol=2e-3)
    pairs = zip(jax.tree.leaves(ours[0]), jax.tree.leaves(theirs[0]), strict=True)
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=2e-2, atol=2e-3)


QUICK = [("resnet", 2), ("vit", 3)]


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow)
        for case in itertools.product(("resnet", "vit", "deeplab"), range(4))
    ],
)
def test_eight_devices_train_as_one(name: str, stage: int):
    assert_alike(trained(name, 8, stage), trained(name, 1, 0))


@pytest.mark.parametrize("stage", [pytest.param(0, marks=pytest.mark.slow), 3])
def test_a_transformer_that_is_split_trains_as_one(stage: int):
    split = trained("vit", 8, stage, model=2, sharding="transformer")
    assert_alike(split, trained("vit", 1, 0))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) for name in ("unet", "deeplab")]
)
def test_devices_that_share_images_train_as_one(name: str):
    assert_alike(trained(name, 8, 1, spatial=4), trained(name, 1, 0))


@pytest.mark.slow
def test_large_images_are_tested_in_one_piece_by_devices_that_share_them():
    found = []
    for devices, spatial in ((8, 4), (1, 1)):
        made, placed, batches = setup("unet", mesh_of(devices, spatial=spatial), 0)
        batch = batches(0) | {"real": np.ones(16, bool)}
        state = placed.store(made.init())
        program = jax.jit(made.test).lower(state, batch).compile()
        found.append(program(state, batch))
        assert ("collective-permute" in str(program.as_text())) == (spatial > 1)
    np.testing.assert_array_equal(found[0]["prediction"], found[1]["prediction"])
    np.testing.assert_array_equal(found[0]["confusion"], found[1]["confusion"])
    np.testing.assert_allclose(found[0]["loss"], found[1]["loss"], rtol=1e-5)


def test_rules_split_a_transformer():
    made, placed, _ = setup("vit", mesh_of(8, 2), 3, sharding="transformer")
    block = placed.stored.params["blocks"][0]
    (kernel,) = jax.tree.leaves(block["qkv"]["kernel"])
    assert tuple(kernel.sharding.spec) == ("data", "model")
    assert made.split.coverage > 0.5


def test_checkpoints_hold_plain_arrays_for_any_stage(tmp_path: Any):
    """Written by eight devices that hold parts of flattened arrays, read by one."""
    made, placed, _ = setup("resnet", mesh_of(8), 3)
    state = placed.store(made.init())
    flat = [n for n in jax.tree.leaves(placed.layouts) if n.padded is not None]
    assert flat, "an array is flattened"
    with_checkpoints = Checkpoints(tmp_path / "run", 1)
    with_checkpoints.save(1, placed.unpack(state))
    alone = setup("resnet", mesh_of(1), 0)
    restored = alone[1].store(with_checkpoints.restore(1, alone[1].plain))
    with_checkpoints.close()
    expected = alone[0].init()
    for a, b in zip(jax.tree.leaves(restored), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_an_average_is_split_and_tested():
    made, placed, batches = setup("resnet", mesh_of(8), 1, average=0.5)
    state = placed.store(made.init())
    held = [a.sharding.spec for a in jax.tree.leaves(state.average[0])]
    assert all("data" in spec for spec in held)
    step = jax.jit(made.train, out_shardings=(placed.shardings, None))
    for number in range(STEPS):
        state, _ = step(state, batches(number))
    model = jax.jit(lambda state: nnx.state(made.model(state), nnx.Param))(state)
    plain = placed.unpack(state)
    for a, b in zip(
        jax.tree.leaves(model), jax.tree.leaves(plain.average[0]), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert not jnp.array_equal(
        jax.tree.leaves(model)[0], jax.tree.leaves(plain.params)[0]
    )
