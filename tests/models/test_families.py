"""What every family promises: published sizes, one padding everywhere, exact crops."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad import PADDINGS, Padding
from jaxpad.layers import STATEFUL, Padded
from jaxpad.models import MODELS
from jaxpad.models.convnext import ConvNeXtBlock
from jaxpad.models.densenet import DenseLayer
from jaxpad.models.vgg import _means
from tests.models.miniatures import MINIATURES, fill
from tests.subjects import ON_THE_SPHERE


# At 1,000 classes, as torchvision and timm have them; WRN-28-10 at 10, as its paper.
PARAMETERS = {
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
    "wrn_28_10": 36_479_194,
    "densenet121": 7_978_856,
    "convnext_tiny": 28_589_128,
    "vit_s_16": 22_050_664,
    "vit_b_16": 86_567_656,
    "vit_l_16": 304_326_632,
}
WITH_A_BORDER = [name for name in MINIATURES if name != "vit"]


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_published_number_of_parameters(name: str, count: int):
    classes = 10 if name == "wrn_28_10" else 1000
    model = nnx.eval_shape(lambda: MODELS[name](3, classes, rngs=nnx.Rngs(0)))
    params = jax.tree.leaves(nnx.state(model, nnx.Param))
    assert sum(p.size for p in params) == count


def shapes_of(model: Any, shape: tuple[int, ...], method: str = "__call__") -> Any:
    graph, state = nnx.split(model)
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    return jax.eval_shape(
        lambda s, x: getattr(nnx.merge(graph, s), method)(x), state, x
    )


@pytest.mark.parametrize("name", ["vit_s_16", "vit_b_16"])
def test_vit_scores(name: str):
    model = nnx.eval_shape(lambda: MODELS[name](3, 7, rngs=nnx.Rngs(0)))
    assert shapes_of(model, (2, 224, 224, 3)).shape == (2, 7)


@pytest.mark.parametrize("name", [n for n in PARAMETERS if not n.startswith("vit")])
def test_maps_have_the_sizes_that_are_told(name: str):
    model = nnx.eval_shape(lambda: MODELS[name](3, 7, rngs=nnx.Rngs(0)))
    maps = shapes_of(model, (1, 192, 256, 3), "features")
    told = zip(model.feature_strides, model.feature_channels, strict=True)
    assert [m.shape for m in maps] == [(1, 192 // s, 256 // s, c) for s, c in told]


@pytest.mark.parametrize("padding", [p for p in PADDINGS if p != "full"])
@pytest.mark.parametrize("family", MINIATURES)
def test_every_padding_reaches_every_layer(family: str, padding: str):
    model = MINIATURES[family](padding=padding)
    layers = [m for _, m in nnx.iter_modules(model) if isinstance(m, Padded)]
    spec = PADDINGS[padding]
    bordered = 0
    for m in layers:
        module = STATEFUL.get(str(spec.mode)) if m.amount != "valid" else None
        assert isinstance(m.mode, module) if module else m.mode == spec.mode
        assert m.reweight == spec.reweight
        bordered += m.amount == "half" and max(getattr(m, "kernel_size", (3,))) > 1
    alone = {"vit": 0, "vgg": 3, "densenet": 5, "convnext": 4}
    expected = alone.get(family, 4 if family == "resnet" else 5)
    assert bordered == (0 if padding == "valid" else expected)
    assert shapes_of(model, image_for(family, padding)).shape[1:] == (5,)


def image_for(family: str, padding: str) -> tuple[int, int, int, int]:
    """The last map has cells enough for the mode; spheres have faces or a globe."""
    if family == "vit":
        return (1, 16, 16, 3)
    side = 64 if family != "convnext" else 512 if padding == "valid" else 128
    batch = 24 if padding in ON_THE_SPHERE else 1
    return (batch, side, 2 * side if padding == "latlon" else side, 3)


@pytest.mark.parametrize("family", ["densenet", "convnext"])
def test_amounts_that_grow_the_main_branch_are_refused(family: str):
    with pytest.raises(ValueError, match='use the amount "half" or "valid"'):
        MINIATURES[family](padding="full")(jnp.ones((1, 64, 64, 3)))


def test_vgg_has_no_shortcut_that_full_could_miss():
    assert MINIATURES["vgg"](padding="full")(jnp.ones((1, 8, 8, 3))).shape == (1, 5)


@pytest.mark.parametrize("family", WITH_A_BORDER)
def test_circular_padding_makes_shifts_commute(family: str):
    """A layer that padded in another way would see where the image begins."""
    model = MINIATURES[family](padding="circular")
    stride = model.feature_strides[-1]
    x = jax.random.normal(jax.random.key(0), (1, 4 * stride, 6 * stride, 3))
    maps = nnx.jit(lambda model, x: model.features(x))
    moved = maps(model, jnp.roll(x, (stride, -2 * stride), (1, 2)))
    assert np.std(moved[-1], (1, 2)).max() > 1e-3
    for one, other, step in zip(
        maps(model, x), moved, model.feature_strides, strict=True
    ):
        shift = (stride // step, -2 * stride // step)
        np.testing.assert_allclose(jnp.roll(one, shift, (1, 2)), other, atol=2e-5)


def dense_layer(padding: Padding) -> Any:
    options: Any = {"padding": padding, "dtype": None, "rngs": nnx.Rngs(0)}
    return DenseLayer(3, 2, momentum=0.9, **options)


def convnext_block(padding: Padding) -> Any:
    options: Any = {"padding": padding, "dtype": None, "rngs": nnx.Rngs(0)}
    return ConvNeXtBlock(3, drop=0.0, **options)


@pytest.mark.parametrize(("make", "reach"), [(dense_layer, 1), (convnext_block, 3)])
def test_valid_is_the_padded_block_without_its_border(make: Any, reach: int):
    x = jax.random.normal(jax.random.key(0), (2, 9, 10, 3))
    outs = []
    for padding in (Padding("reflect"), Padding(amount="valid")):
        block = make(padding)
        fill(block)
        block.eval()
        outs.append(block(x))
    assert outs[1].shape[1:3] == (9 - 2 * reach, 10 - 2 * reach)
    inner = outs[0][:, reach:-reach, reach:-reach]
    np.testing.assert_allclose(outs[1], inner, atol=1e-6)


@pytest.mark.slow
def test_smallest_image_of_densenet121_under_valid():
    model = nnx.eval_shape(
        lambda: MODELS["densenet121"](3, 9, padding="valid", rngs=nnx.Rngs(0))
    )
    assert shapes_of(model, (1, 2071, 2071, 3)).shape == (1, 9)
    with pytest.raises(ValueError, match="window"):
        shapes_of(model, (1, 2070, 2071, 3), "_features")


@pytest.mark.parametrize("size", [1, 5, 7, 11, 14, 23])
def test_means_over_a_grid(size: int):
    x = np.random.default_rng(0).normal(size=(2, size, 9, 3)).astype("f4")
    expected = np.zeros((2, 7, 7, 3), "f4")
    for i in range(7):
        for j in range(7):
            rows = slice(i * size // 7, -(-(i + 1) * size // 7))
            columns = slice(j * 9 // 7, -(-(j + 1) * 9 // 7))
            expected[:, i, j] = x[:, rows, columns].mean((1, 2))
    np.testing.assert_allclose(_means(jnp.asarray(x), 7), expected, atol=1e-6)


def test_vit_sees_the_same_under_every_padding():
    x = jax.random.normal(jax.random.key(0), (1, 16, 16, 3))
    zero, reflect, partial = (
        MINIATURES["vit"](padding=p)(x) for p in ("zero", "reflect", "partial")
    )
    assert np.abs(zero).max() > 0.1
    np.testing.assert_array_equal(zero, reflect)
    np.testing.assert_array_equal(zero, partial)


def test_vit_tells_what_size_it_was_made_for():
    with pytest.raises(ValueError, match=r"16x20 pixels came.*for image_size=16"):
        MINIATURES["vit"]()(jnp.ones((1, 16, 20, 3)))
    with pytest.raises(
        ValueError, match=r"image_size=18 must be a multiple of patch=4"
    ):
        MINIATURES["vit"](image_size=18)


def test_drop_path_leaves_whole_images_out():
    block = ConvNeXtBlock(3, drop=0.25, padding=Padding(), dtype=None, rngs=nnx.Rngs(0))
    fill(block)
    x = jax.random.normal(jax.random.key(0), (64, 4, 4, 3))
    block.eval()
    branch = block(x) - x
    block.train()
    left = np.asarray(block(x) - x)
    dropped = np.abs(left).max((1, 2, 3)) == 0
    assert 4 <= dropped.sum() <= 32
    np.testing.assert_allclose(left[~dropped], branch[~dropped] / 0.75, atol=1e-5)


def test_drop_path_grows_from_block_to_block():
    model = MINIATURES["convnext"](drop_path=0.3)
    drops = [block.drop and block.drop.rate for block in model.blocks]
    assert drops[0] is None
    np.testing.assert_allclose(drops[1:], [0.1, 0.2, 0.3])


def test_dropout_acts_in_training_alone():
    model, x = MINIATURES["vgg"](), jnp.ones((1, 16, 16, 3))
    np.testing.assert_array_equal(model(x), model(x))
    model.dropout.deterministic = False
    assert np.abs(model(x) - model(x)).max() > 1e-4


@pytest.mark.parametrize("family", MINIATURES)
def test_bfloat16_keeps_parameters_and_comes_near(family: str):
    size = 16 if family == "vit" else 64
    x = jax.random.normal(jax.random.key(0), (2, size, size, 3))
    full, half = (MINIATURES[family](dtype=d) for d in (None, jnp.bfloat16))
    for variable in jax.tree.leaves(nnx.state(half, (nnx.Param, nnx.BatchStat))):
        assert variable.dtype == jnp.float32
    scores, expected = (nnx.jit(lambda m, x: m(x))(m, x) for m in (half, full))
    assert scores.dtype == jnp.bfloat16
    np.testing.assert_allclose(scores.astype("f4"), expected, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("family", MINIATURES)
def test_every_parameter_has_a_gradient(family: str):
    size = 16 if family == "vit" else 64
    x = jax.random.normal(jax.random.key(0), (2, size, size, 3))
    model = MINIATURES[family]()
    graph, params, rest = nnx.split(model, nnx.Param, ...)

    def loss(params: Any) -> Any:
        return jnp.sum(nnx.merge(graph, params, rest, copy=True)(x)[:, 0])

    grads = nnx.to_flat_state(jax.jit(jax.grad(loss))(params))
    dead = {"/".join(map(str, p)) for p, g in grads if not np.any(np.asarray(g[...]))}
    assert dead == set()
