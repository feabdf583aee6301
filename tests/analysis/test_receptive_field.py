"""Receptive fields of traced functions: published ones, and jaxpad's own models."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

import jaxpad
from jaxpad.analysis import padding_fraction, receptive_cells, receptive_field
from jaxpad.analysis.trace import image_shape
from jaxpad.arith import ReceptiveField, receptive_field as of_layers
from jaxpad.layers import Conv
from jaxpad.models import MODELS
from jaxpad.padding import MODES
from tests.analysis import nets
from tests.subjects import ON_THE_SPHERE, sixteenths


# (size, stride, padding) published with google-research/receptive_field.
PUBLISHED = {
    "alexnet_v2": (nets.alexnet_v2, (195, 32, 64)),
    "vgg_16": (nets.vgg_16, (212, 32, 90)),
    "mobilenet_v1": (nets.mobilenet_v1, (315, 32, 126)),
    "resnet_v1_50": (nets.resnet_v1((3, 4, 6, 3)), (483, 32, 239)),
    "resnet_v1_101": (nets.resnet_v1((3, 4, 23, 3)), (1027, 32, 511)),
    "resnet_v1_152": (nets.resnet_v1((3, 8, 36, 3)), (1507, 32, 751)),
    "resnet_v1_200": (nets.resnet_v1((3, 24, 36, 3)), (1763, 32, 879)),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_fields(name: str):
    network, published = PUBLISHED[name]
    assert receptive_field(network, (1, 224, 224, 2)) == (published, published)


class Features(nnx.Module):
    """A ResNet without its head."""

    def __init__(self, model: Any):
        self.model = model

    def __call__(self, x: Any) -> Any:
        x = self.model.pool(nnx.relu(self.model.norm(self.model.stem(x))))
        for block in self.model.blocks:
            x = block(x)
        return x


@pytest.mark.parametrize("padding", ["zero", "reflect"])
def test_resnet_has_one_field_under_every_padding(padding: str):
    """The stride is in the first unit of a stage, so the field is not the published."""
    layers = [(7, 2, 3), (3, 2, 1)]
    for blocks, stride in [(3, 1), (4, 2), (6, 2), (3, 2)]:
        layers += [(3, stride, 1)] + [(3, 1, 1)] * (blocks - 1)
    model = nnx.eval_shape(
        lambda: Features(MODELS["resnet50"](3, 9, padding=padding, rngs=nnx.Rngs(0)))
    )
    found = receptive_field(model, (1, 224, 160, 3))
    assert found == (of_layers(layers),) * 2
    assert found[0].size == 427


def test_axes_have_fields_of_their_own():
    def network(x: Any) -> Any:
        x = jaxpad.conv(
            x, jnp.ones((3, 5, 2, 2)), stride=(2, 1), amount=((0, 2), (4, 0))
        )
        return jaxpad.avg_pool(
            x, (1, 3), stride=1, padding="reflect", amount=((0, 0), (1, 1))
        )

    found = receptive_field(network, (3, 9, 8, 2))
    assert found == (ReceptiveField(3, 2, 0), ReceptiveField(7, 1, 5))


ROW, DOWN = (1, 1, 0), (1, 1, -1)
SEES_ALL = ((8, 0, 0), (6, 0, 0))
CONV = ((3, 1, 1), (3, 1, 1))


def conv(x: Any) -> Any:
    """A 3x3 convolution."""
    return nets.conv(x, 3)


def take(x: Any) -> Any:
    """Indices that are known only when they are computed."""
    return jnp.take(x, jnp.arange(8) + 1 - 1, 1)[:, 1:]


def loop(x: Any) -> Any:
    """Three convolutions."""
    return lax.scan(lambda x, _: (conv(x), None), x, length=3)[0]


def up_and_down(x: Any) -> Any:
    """Repeats cells and pools them."""
    return nets.max_pool(jnp.repeat(jnp.repeat(x, 2, 1), 2, 2), 2, 2)


def written(x: Any, update: Any, *start: int) -> Any:
    """The array with an update in a place that is known."""
    return lax.dynamic_update_slice(x, update, (0, *start, 0))


def put_back(x: Any) -> Any:
    """A row, a column, and one of two channels."""
    x = written(written(x, x[:, 2:3], 2, 0), x[:, :, -1:], 0, 5)
    return written(x, 2 * x[..., :1], 0, 0)


# From name to the function and the fields along an axis of 8 and one of 6 cells.
OPERATIONS = {
    "scores": (lambda x: x.mean((1, 2)) @ jnp.ones((2, 4)), SEES_ALL),
    "squeeze": (lambda x: x * x.mean((1, 2), keepdims=True), SEES_ALL),
    "sum": (lambda x: x.sum(2), (ROW, (6, 0, 0))),
    "row": (lambda x: x[:, 3], ((1, 0, -3), ROW)),
    "flip": (lambda x: x[:, ::-1, ::2], ((1, -1, -7), (1, 2, 0))),
    "roll": (lambda x: jnp.roll(x, 2, 1), ((1, 1, 2), ROW)),
    "transpose": (lambda x: x.transpose(0, 2, 1, 3)[:, 1:], (ROW, (1, 1, -1))),
    "fold": (lambda x: x.reshape(4, 2, 6, 2).mean(1)[None], ((2, 2, 0), ROW)),
    "cumsum": (lambda x: jnp.cumsum(x, 1), ((8, 0, 0), ROW)),
    "sort": (lambda x: jnp.sort(x, 2), (ROW, (6, 0, 0))),
    "softmax": (lambda x: jax.nn.softmax(x, 1), ((8, 0, 0), ROW)),
    "channels": (lambda x: jnp.concatenate([x, x[..., :1]], -1), (ROW, ROW)),
    "dot": (lambda x: jnp.einsum("bhwc,co->bhwo", x, jnp.ones((2, 3))), (ROW, ROW)),
    "take": (take, ((1, 1, -1), ROW)),
    "checkpoint": (jax.checkpoint(lambda x: jnp.sin(x[:, 1:])), ((1, 1, -1), ROW)),
    "custom_jvp": (lambda x: jax.nn.relu(conv(x)), CONV),
    "jit": (jax.jit(conv), CONV),
    "vmap": (jax.vmap(lambda x: conv(x[None])[0]), CONV),
    "scan": (loop, ((7, 1, 3), (7, 1, 3))),
    "cond": (lambda x: lax.cond(True, conv, lambda x: x, x), CONV),
    "repeat": (up_and_down, (ROW, ROW)),
    "crop": (lambda x: lax.dynamic_slice_in_dim(x, 2, 4, 1), ((1, 1, -2), ROW)),
    "split": (lambda x: jnp.split(x, [3], 1)[1], ((1, 1, -3), ROW)),
    "crop and put back": (put_back, (ROW, ROW)),
    "written": (lambda x: written(jnp.zeros((1, 9, 7, 2)), x, 1, 1), ((1, 1, 1),) * 2),
    "stack": (lambda x: jnp.stack([x, conv(x)], -1)[..., 0], CONV),
    "stack rows": (lambda x: jnp.stack([x[:, 1], x[:, 4]], 1), ((4, 0, -1), ROW)),
    "unstack": (lambda x: jnp.unstack(conv(x), axis=1)[3], ((3, 0, -2), (3, 1, 1))),
    "unstack channels": (lambda x: jnp.unstack(x[:, 1:], axis=3)[1], (DOWN, ROW)),
    "tile": (lambda x: jnp.tile(conv(x), (2, 3, 1, 1, 5))[0], CONV),
    "tile a row": (lambda x: jnp.tile(x[:, 2:3], (4, 1, 1)), ((1, 0, -2), ROW)),
    "rejoin": (lambda x: jnp.concatenate(jnp.split(x, [3], 1), 1), (ROW, ROW)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str):
    function, expected = OPERATIONS[name]
    assert receptive_field(function, (1, 8, 6, 2)) == expected


PADS = ["circular", "reflect", "replicate", "constant", "mean", ("reflect", "zero")]


@pytest.mark.parametrize("amount", ["same", "causal", (0, 2)])
@pytest.mark.parametrize("padding", PADS, ids=str)
def test_strategies_are_seen_alike(padding: Any, amount: Any):
    """Of functions, too, whose strategy is traced as it is written."""

    def network(x: Any, strategy: str) -> Any:
        options: dict[str, Any] = {"padding": padding, "strategy": strategy}
        x = jaxpad.conv(x, jnp.ones((5, 5, 1, 1)), stride=2, amount=amount, **options)
        return jaxpad.conv(x, jnp.ones((3, 2, 1, 1)), **options)

    shape, found = (1, 14, 17, 1), []
    for strategy in ("explicit", "repad", "strips"):
        function = functools.partial(network, strategy=strategy)
        fields = receptive_field(function, shape)
        cells = np.concatenate(receptive_cells(function, shape))
        found.append((fields, cells, padding_fraction(function, shape)))
    assert [field[:2] for field in found[0][0]] == [(9, 2), (7, 2)]
    for fields, cells, shares in found[1:]:
        assert fields == found[0][0]
        np.testing.assert_array_equal(cells, found[0][1])
        np.testing.assert_allclose(shares, found[0][2], atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_the_field_of_its_windows(mode: str):
    """How its cells are computed does not matter, nor what of the image they see."""
    batch = ON_THE_SPHERE[mode][0][0] if mode in ON_THE_SPHERE else 1
    shape = (batch, 8, 12 if mode == "latlon" else 8, 4)

    def layer(padding: str) -> Conv:
        options: dict[str, Any] = {"padding": padding, "kernel_init": sixteenths}
        return Conv(4, 4, (3, 3), rngs=nnx.Rngs(0), **options)

    model = nnx.Sequential(layer(mode), layer(mode))
    assert receptive_field(model, shape) == ((5, 1, 2),) * 2
    report = jaxpad.check(model, shape)
    assert [row.field for row in report.rows] == [(3, 3), (5, 5)]
    assert not any("not known" in text for text in report.warnings)
    zeros = nnx.Sequential(layer("zero"), layer("zero"))
    expected = padding_fraction(zeros, shape)
    np.testing.assert_allclose(padding_fraction(model, shape), expected)


MASK = np.arange(8)[:, None, None] < 4


def filled(x: Any, others: Any) -> Any:
    """The image without a border of 2 cells, which is filled with others."""
    inside = np.pad(np.ones((4, 4, 1), bool), [(2, 2), (2, 2), (0, 0)])
    cropped = jnp.pad(x[:, 2:-2, 2:-2], [(0, 0), (2, 2), (2, 2), (0, 0)])
    return jnp.where(inside, cropped, others)


@pytest.mark.parametrize(
    ("function", "field"),
    [
        # Both halves are image, so the field holds that of either.
        (lambda x: jnp.where(MASK, x, conv(x)), (3, 1, 1)),
        (lambda x: jnp.where(MASK, conv(x), x), (3, 1, 1)),
        (lambda x: jnp.where(x > 0, x, conv(x)), (3, 1, 1)),
        (lambda x: jnp.where(MASK.all(), x, conv(x)), (3, 1, 1)),
        # Only what is not image is filled.
        (lambda x: filled(x, conv(conv(x))), (1, 1, 0)),
    ],
)
def test_choices(function: Any, field: tuple[int, ...]):
    assert receptive_field(function, (1, 8, 8, 2)) == (field, field)


@pytest.mark.parametrize(
    ("strategy", "name"),
    [("kernel", "pallas_call"), (jaxpad.halo("rows"), "shard_map")],
)
def test_strategies_that_hide_the_image(strategy: Any, name: str):
    def network(x: Any) -> Any:
        return jaxpad.conv(x, jnp.ones((3, 3, 1, 1)), strategy=strategy)

    mesh = jax.make_mesh((8,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
    with jax.set_mesh(mesh):
        for function in (receptive_field, padding_fraction):
            with pytest.raises(ValueError, match=rf"through \['{name}'\]"):
                function(network, (1, 16, 16, 1))
        rows, _ = receptive_cells(network, (1, 16, 16, 1))
    assert rows.tolist() == [[0, 15]]


def test_updates_in_unknown_places_are_everywhere():
    def network(x: Any) -> Any:
        return lax.dynamic_update_slice_in_dim(x, x[:, :2] * 2, jnp.int32(x.sum()), 1)

    assert receptive_cells(network, (1, 8, 1))[0].tolist() == [[0, 7]] * 8


def test_what_cannot_be_seen_through_sees_everything():
    def network(x: Any) -> Any:
        return conv(x).at[0, 0].set(0.0)

    assert [c.tolist() for c in receptive_cells(network, (1, 8, 6, 2))] == [
        [[0, 7]],
        [[0, 5]],
    ]


def test_unet_has_the_field_that_holds_all_phases():
    def unet(x: Any) -> Any:
        down = nets.conv(nets.max_pool(x, 2, 2), 3)
        up = lax.conv_transpose(down, jnp.ones((2, 2, 2, 2)), (2, 2), "SAME")
        return nets.conv(jnp.concatenate([x, up], -1), 3)

    shape = (1, 32, 32, 2)
    (field, _), (cells, _) = receptive_field(unet, shape), receptive_cells(unet, shape)
    inside = cells[8:-8] - np.arange(8, 24)[:, None]
    assert field == (
        inside[:, 1].max() - inside[:, 0].min() + 1,
        1,
        -inside[:, 0].min(),
    )


def test_halos_wider_than_the_image():
    def network(x: Any) -> Any:
        return nets.conv(jaxpad.pad(x, 11, "circular", axes=(1, 2)), 3, 1, "VALID")

    assert receptive_field(network, (1, 4, 4, 1))[0] == (3, 1, 11)
    fraction = padding_fraction(network, (1, 4, 4, 1))
    assert (fraction == 0).sum() == 4


def test_mode_with_another_on_each_side():
    def network(x: Any) -> Any:
        mode = (("reflect", "replicate"), ("zero", "circular"))
        return jaxpad.conv(x, jnp.ones((5, 5, 1, 1)), padding=mode)

    assert receptive_field(network, (1, 8, 9, 1)) == ((5, 1, 2), (5, 1, 2))
    rows, columns = receptive_cells(network, (1, 8, 9, 1))
    assert rows[0].tolist() == [0, 2]
    assert columns[-1].tolist() == [0, 8]


@pytest.mark.parametrize(
    ("function", "shape", "text"),
    [
        (lambda x: x.at[0, 0].set(0.0), (1, 8, 1), r"cannot see through \['scatter'\]"),
        (lambda x: jax.image.resize(x, (1, 16, 1), "linear"), (1, 8, 1), "one stride"),
        (lambda x: (x, x), (1, 8, 1), r"2 arrays: return one, .* function\(x\)\[0\]"),
        (lambda x: jnp.ones(3), (1, 8, 1), "does not depend on the image"),
        (lambda x: x, (8, 8), r"expected \(batch, \*space, channels\)"),
        (lambda x: x, (1, 0, 8, 1), r"expected \(batch, \*space, channels\)"),
        (lambda x: x[:, :0], (1, 8, 1), "no cells along space axis 0"),
        (lambda x: jnp.pad(x, ((0, 0), (9, 0), (0, 0)))[:, :2], (1, 8, 1), None),
    ],
)
def test_refusals(function: Any, shape: tuple[int, ...], text: str | None):
    if text is None:  # outputs beyond the image have a field, too
        assert receptive_field(function, shape)[0] == (1, 1, 9)
        return
    with pytest.raises(ValueError, match=text):
        receptive_field(function, shape)


@pytest.mark.parametrize("shape", [224, (None, 6, 5, 3), "224", (1, 8.0, 3)])
def test_shapes_that_are_none(shape: Any):
    """Their reader itself, which the checks of types in a test come before."""
    with pytest.raises(TypeError, match=r"input_shape=.*expected whole numbers"):
        image_shape(shape)
