"""Networks whose images are split over devices compute what one device does."""

import itertools
import math
import random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

import jaxpad
from jaxpad import layers
from jaxpad.conv import split_image
from jaxpad.conv.shards import image_is_split
from jaxpad.models.enlarge import Enlarge
from jaxpad.models.unet import UNet
from jaxpad.sharding import batch_split, check_images, make_mesh, under
from jaxpad.train.compiled import collectives
from tests.subjects import MODE_SPECS, integers


ONE = {"data": 1, "spatial": 1}
MESHES = {"rows": {"data": 2, "spatial": 4}, "both": {"spatial": 4, "columns": 2}}
SHARED, ODD = (16, 24), (13, 9)
# Modes whose cells are moved otherwise from device to device.
MODES = ["partial", "circular", "linear", "distribution"]
NONLINEAR = {"median", "distribution", "random"}  # without a transposed convolution


def mesh_of(**sizes: int) -> Mesh:
    return make_mesh(sizes, jax.devices()[: math.prod(sizes.values())])


class Network(nnx.Module):
    """Every operation with a window, one after the other."""

    def __init__(self, padding: Any, stride: int, dilation: int):
        rngs = nnx.Rngs(0, padding=1)
        options: Any = {"padding": padding, "rngs": rngs}
        # A bias before a batch norm has no gradient but rounding.
        self.first = layers.Conv(2, 4, (3, 3), amount="half", use_bias=False, **options)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.pool = layers.MaxPool((3, 3), stride, amount="half", features=4, **options)
        self.wide = layers.Conv(
            4, 4, (3, 3), kernel_dilation=dilation, amount="half", **options
        )
        self.mean = layers.AvgPool((3, 3), 1, amount="half", features=4, **options)
        self.blur = layers.BlurPool(2, stride, features=4, **options)
        self.resize = layers.ResizeConv(
            4, 4, (3, 3), stride, method="bilinear", amount="half", **options
        )
        self.up: Any = layers.ResizeConv(4, 3, (3, 3), stride, amount="half", **options)
        if padding not in NONLINEAR:
            self.up = layers.ConvTranspose(
                4, 3, (3, 3), stride, amount="same", transpose_kernel=True, **options
            )
        self.enlarge = Enlarge(2, padding=padding, features=3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.norm(self.first(split_image(x))))
        x = x + self.mean(self.wide(x))
        small = self.blur(self.pool(-x))  # zeros would win
        y = self.up(self.resize(small))
        return self.enlarge(y, [2 * n for n in y.shape[1:3]])


def trained(sizes: dict[str, int], size: tuple[int, int], *options: Any) -> Any:
    """The gradients of a network, and its batch statistics."""
    mesh = mesh_of(**sizes)
    graph, params, rest = nnx.split(Network(*options), nnx.Param, ...)
    images = jnp.sin(integers((2, *size, 2)))

    def loss(params: Any, images: jax.Array) -> Any:
        model = nnx.merge(graph, params, rest, copy=True)
        scores = model(images)
        total = jnp.mean(jnp.sin(scores) ** 2) + jnp.mean(scores[:, 0, 0])
        return total, nnx.state(model, nnx.BatchStat)

    step = jax.jit(under(mesh, jax.value_and_grad(loss, (0, 1), has_aux=True)))
    whole = NamedSharding(mesh, PartitionSpec())
    return step(*jax.device_put((params, images), whole))


def assert_alike(ours: Any, theirs: Any) -> None:
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        scale = max(float(np.abs(b).max()), 0.01)  # two sums may cancel in the loss
        np.testing.assert_allclose(np.asarray(a) / scale, b / scale, atol=1e-4)


@pytest.mark.parametrize(
    "padding",
    [*MODES[:2], *(pytest.param(m, marks=pytest.mark.slow) for m in MODES[2:])],
)
def test_a_network_on_parts_of_images(padding: str):
    ours, theirs = (trained(m, SHARED, padding, 2, 1) for m in (MESHES["rows"], ONE))
    assert_alike(ours, theirs)


@pytest.mark.parametrize("padding", ["zero", "circular"])
def test_odd_sizes_and_dilations(padding: str):
    ours, theirs = (trained(m, ODD, padding, 2, 2) for m in (MESHES["rows"], ONE))
    assert_alike(ours, theirs)


def test_rows_and_columns():
    padding = ("circular", "reflect")
    ours, theirs = (trained(m, SHARED, padding, 2, 2) for m in (MESHES["both"], ONE))
    assert_alike(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("padding", [*MODE_SPECS, "partial", "random"])
@pytest.mark.parametrize("mesh", sorted(MESHES))
def test_every_mode_stride_dilation_and_size(mesh: str, padding: Any):
    sizes = [SHARED, ODD, (16, 9), (9, 32), (24, 40)]
    cases = list(itertools.product(sizes, (1, 2, 3), (1, 2, 5)))
    for size, stride, dilation in random.Random(f"{mesh} {padding}").sample(cases, 9):
        try:
            theirs = trained(ONE, size, padding, stride, dilation)
        except ValueError:  # too small for the mode
            continue
        ours = trained(MESHES[mesh], size, padding, stride, dilation)
        assert_alike(ours, theirs)


@pytest.mark.parametrize(
    ("window", "options"),
    [
        ((1, 1), {"groups": 2}),
        ((1, 1), {"amount": 1}),
        ((3, 3), {"strategy": "explicit"}),
        ((3, 3), {"strategy": "strips", "padding": "circular"}),
        ((3, 3), {"padding": "median"}),
    ],
)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_gradients_of_a_batch_that_is_whole(window: Any, options: Any, dtype: Any):
    """XLA's gradient of a kernel is a multiple of the right one here."""
    groups = options.get("groups", 1)
    x = integers((2, 16, 8, 4)).astype(dtype)
    kernel = integers((*window, 4 // groups, 4), seed=1).astype(dtype)

    def loss(x: jax.Array, kernel: jax.Array) -> jax.Array:
        y = jaxpad.conv(split_image(x), kernel, **options)
        return jnp.sum(jnp.sin(y.astype(jnp.float32) / 8))

    found = []
    for sizes in (MESHES["rows"], ONE):
        mesh = mesh_of(**sizes)
        arrays = jax.device_put((x, kernel), NamedSharding(mesh, PartitionSpec()))
        found.append(jax.jit(under(mesh, jax.grad(loss, (0, 1))))(*arrays))
    for ours, theirs in zip(*found, strict=True):
        ours, theirs = np.float32(ours), np.float32(theirs)
        exact = 1e-5 if dtype == jnp.float32 else 2e-2
        np.testing.assert_allclose(ours, theirs, atol=exact * np.abs(theirs).max())


@pytest.mark.parametrize("window", [(1, 1), (3, 3)])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_a_padding_with_parameters(window: Any, dtype: Any):
    """Also of windows without a border, which have no use for them."""
    layer = layers.Conv(
        *(3, 4, window, 2), padding="learned_constant", amount="half", dtype=dtype,
        rngs=nnx.Rngs(0),
    )  # fmt: skip
    graph, state = nnx.split(layer)
    images = jnp.sin(integers((2, 16, 8, 3)))

    def loss(state: Any, images: jax.Array) -> jax.Array:
        y = nnx.merge(graph, state, copy=True)(images).astype(jnp.float32)
        return jnp.mean(jnp.sin(y))

    found = []
    for sizes in (MESHES["rows"], ONE):
        mesh = mesh_of(**sizes)
        shared = jax.device_put(images, batch_split(mesh, images.shape))
        found.append(jax.jit(under(mesh, jax.grad(loss)))(state, shared))
    for ours, theirs in zip(*map(jax.tree.leaves, found), strict=True):
        exact = 1e-5 if dtype == jnp.float32 else 2e-2
        np.testing.assert_allclose(ours, theirs, atol=exact * np.abs(theirs).max())


def step_of(padding: str, devices: int) -> Any:
    """A compiled step of a U-Net on two images of 64 rows, split over devices."""
    mesh = mesh_of(spatial=devices, data=1)
    model = nnx.eval_shape(
        lambda: UNet(3, 4, width=8, depth=2, padding=padding, rngs=nnx.Rngs(0))
    )
    graph, params, rest = nnx.split(model, nnx.Param, ...)

    def loss(params: Any, rest: Any, images: jax.Array) -> jax.Array:
        scores = nnx.merge(graph, params, rest, copy=True)(split_image(images))
        return -jnp.mean(jax.nn.log_softmax(scores)[..., 0])

    shape = (2, 64, 64, 3)
    split, whole = batch_split(mesh, shape), NamedSharding(mesh, PartitionSpec())
    step = jax.jit(
        under(mesh, jax.value_and_grad(loss)),
        in_shardings=(whole, whole, split),
        out_shardings=whole,
    )
    images = jax.ShapeDtypeStruct(shape, jnp.float32)
    return step.lower(params, rest, images).compile()


@pytest.mark.slow
def test_circular_padding_moves_what_zero_padding_moves():
    """And eight devices hold an eighth of the activations, of which a quarter is asked.

    On one device circular padding has no neighbour to ask.
    """
    circular, zero, alone = (
        step_of(*case) for case in (("circular", 8), ("zero", 8), ("circular", 1))
    )
    moved = [
        sum(size for _, size in collectives(program.as_text()).values())
        for program in (circular, zero, alone)
    ]
    assert moved[2] == 0 < moved[0] <= 1.1 * moved[1]
    held = [p.memory_analysis().temp_size_in_bytes for p in (circular, alone)]
    assert held[0] <= held[1] / 4


def test_images_that_devices_cannot_share():
    mesh = mesh_of(spatial=8)
    check_images(mesh, (2, 64, 63, 3), "train_crop")
    with pytest.raises(
        ValueError,
        match=r"config.mesh.spatial=8 does not divide the 513 rows of the images that "
        r"config.train_crop makes: use 512 or 520",
    ):
        check_images(mesh, (2, 513, 513, 3), "train_crop")


def test_a_batch_is_split_where_it_can_be():
    mesh = mesh_of(data=1, spatial=4, columns=2)
    for shape, axes in (
        ((8, 16, 18, 3), ("data", "spatial", "columns")),
        ((8, 16, 9), ("data", "spatial", None)),
        ((8, 15, 9, 3), ("data", None, None)),
        ((8, 16), ("data",)),
    ):
        assert tuple(batch_split(mesh, shape).spec) == axes


def test_a_mesh_without_images_leaves_them_whole():
    images = jnp.ones((2, 8, 8, 1))
    for mesh in (mesh_of(data=8), mesh_of(spatial=1, data=8)):
        text = jax.jit(under(mesh, split_image)).lower(images).as_text()
        assert "sharding_constraint" not in text


@pytest.mark.parametrize("kind", [AxisType.Explicit, AxisType.Manual])
def test_axes_that_someone_else_places_are_left_alone(kind: Any):
    mesh = AbstractMesh((8,), ("spatial",), axis_types=(kind,))
    with jax.sharding.use_abstract_mesh(mesh):
        assert not image_is_split()
