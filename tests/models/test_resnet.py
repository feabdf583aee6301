"""ResNets: published sizes, one padding for all layers, valid with its crop."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad import PADDINGS, Padding
from jaxpad.layers import STATEFUL, Conv, Padded, replace_padding
from jaxpad.models import MODELS, Block, ResNet
from jaxpad.models.parts import norm
from tests.models.miniatures import of
from tests.subjects import ON_THE_SPHERE


# Parameters at 1,000 classes as torchvision's models have them.
PARAMETERS = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "wide_resnet50_2": 68_883_240,
}


def small(padding: Any = "zero", **options):
    return MODELS["resnet20"](
        1, 10, width=4, padding=padding, rngs=nnx.Rngs(0), **options
    )


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_published_number_of_parameters(name: str, count: int):
    model = nnx.eval_shape(lambda: MODELS[name](3, 1000, rngs=nnx.Rngs(0)))
    params = jax.tree.leaves(nnx.state(model, nnx.Param))
    assert sum(p.size for p in params) == count


@pytest.mark.parametrize("name", [*PARAMETERS, "resnet20"])
def test_published_stride_and_shapes(name: str):
    side, strides = (
        (32, [1, 1, 2, 4]) if name == "resnet20" else (224, [2, 4, 8, 16, 32])
    )
    model = nnx.eval_shape(lambda: MODELS[name](3, 7, rngs=nnx.Rngs(0)))
    graph, state = nnx.split(model)
    x = jax.ShapeDtypeStruct((2, side, side, 3), jnp.float32)
    scores = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, x)
    assert scores.shape == (2, 7)
    maps = jax.eval_shape(lambda s, x: nnx.merge(graph, s).features(x), state, x)
    assert [side // m.shape[1] for m in maps] == strides == [*model.feature_strides]
    assert [m.shape[-1] for m in maps] == [*model.feature_channels]


encoder = functools.partial(of(ResNet, blocks=(1, 1, 2, 2), width=2), classes=None)


@pytest.mark.parametrize(
    ("output_stride", "padding", "bottleneck"),
    [(4, "circular", False), (8, "zero", True), (16, "zero", False)],
)
def test_dilated_stages_keep_the_strided_cells(
    output_stride: int, padding: str, bottleneck: bool
):
    """Every cell of the published network is one of the finer map's, unchanged."""
    x = jax.random.normal(jax.random.key(0), (1, 64, 32, 3))
    options = {"padding": padding, "bottleneck": bottleneck}
    maps = nnx.jit(lambda model, x: model.features(x))
    published = maps(encoder(**options), x)
    finer = maps(encoder(**options, output_stride=output_stride), x)
    for strided, dilated in zip(published, finer, strict=True):
        step = dilated.shape[1] // strided.shape[1]
        assert dilated.shape[1] == max(strided.shape[1], 64 // output_stride)
        np.testing.assert_allclose(dilated[:, ::step, ::step], strided, atol=1e-5)


def test_multi_grid_is_the_papers():
    """DeepLabV3: 2 (1, 2, 4) at output stride 16, 4 (1, 2, 4) at 8."""
    options = {"blocks": (1, 1, 1, 3), "bottleneck": True, "multi_grid": (1, 2, 4)}
    for output_stride, rates in {16: [2, 4, 8], 8: [4, 8, 16], 32: [1, 2, 4]}.items():
        model = encoder(output_stride=output_stride, **options)
        last = model.blocks[-3:]
        assert [b.convs[1].kernel_dilation for b in last] == [(r, r) for r in rates]
        strides = [b.convs[1].strides[0] for b in last]
        assert strides == [2 if output_stride == 32 else 1, 1, 1]


def test_zero_gamma_starts_as_the_shortcuts():
    block = Block(
        4,
        1,
        1,
        bottleneck=True,
        preactivated=False,
        zero_gamma=True,
        padding=Padding(),
        dtype=None,
        rngs=nnx.Rngs(0),
    )
    x = jax.random.uniform(jax.random.key(0), (1, 4, 4, 4))
    np.testing.assert_array_equal(block(x), x)
    state = nnx.to_flat_state(nnx.state(block.norms, nnx.Param))
    assert [float(v[...].sum()) for p, v in state if p[-1] == "scale"] == [1, 1, 0]


def test_momentum_reaches_every_norm():
    model = of(ResNet, blocks=(1, 1), width=2, small=True)(
        momentum=0.75, padding="circular"
    )
    norms = [m for _, m in nnx.iter_modules(model) if isinstance(m, nnx.BatchNorm)]
    assert {m.momentum for m in norms} == {0.75}
    assert len(norms) == 5
    before = np.asarray(norms[0].var[...])
    model.train()
    model(jnp.ones((1, 4, 4, 3)))
    # A constant image has no variance in the first norm: only the old share stays.
    np.testing.assert_allclose(norms[0].var[...], 0.75 * before, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output_stride": 12}, "network pass 4, 8, 16, 32; use one"),
        ({"multi_grid": (1, 2, 4)}, "one factor for each of the 2 blocks"),
        ({"zero_gamma": True, "small": True}, "pass no gradient"),
    ],
)
def test_options_that_mean_nothing(options: Any, message: str):
    with pytest.raises(ValueError, match=message):
        encoder(**options)


# "full" makes the main branch of a block grow; a test below has its error.
@pytest.mark.parametrize(
    "padding", [p for p in PADDINGS if p not in ("full", *ON_THE_SPHERE)]
)
@pytest.mark.parametrize("name", ["resnet20", "resnet18"])
def test_every_padding_reaches_every_layer(name: str, padding: str):
    model = nnx.eval_shape(
        lambda: MODELS[name](1, 3, width=4, padding=padding, rngs=nnx.Rngs(0))
    )
    layers = [m for _, m in nnx.iter_modules(model) if isinstance(m, Padded)]
    spec = PADDINGS[padding]
    assert len(layers) > 15
    for m in layers:
        module = STATEFUL.get(str(spec.mode)) if m.amount != "valid" else None
        assert isinstance(m.mode, module) if module else m.mode == spec.mode
        assert m.reweight == spec.reweight
    graph, state = nnx.split(model)
    x = jax.ShapeDtypeStruct((2, 448, 448, 1), jnp.float32)
    scores = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, x)
    assert scores.shape == (2, 3)


@pytest.mark.slow
def test_paddings_differ_and_share_parameters():
    model = small("zero")
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 1))
    model.eval()
    circular = replace_padding(model, "circular")
    assert np.abs(model(x) - circular(x)).max() > 1e-3
    np.testing.assert_array_equal(replace_padding(circular, "zero")(x), model(x))


@pytest.mark.parametrize("small_image", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
def test_valid_shortcut_lies_under_the_main_branch(small_image: bool, stride: int):
    """A block whose kernels are centred deltas adds the image to itself, cropped."""
    block = Block(
        2,
        2 if small_image else 1,
        stride,
        bottleneck=not small_image,
        preactivated=False,
        padding=Padding(amount="valid"),
        dtype=None,
        rngs=nnx.Rngs(0),
    )
    block.eval()
    for conv in (*block.convs, *([block.projection] if block.projection else [])):
        assert isinstance(conv, Conv)
        kernel = np.zeros(conv.kernel.shape, np.float32)
        middle = kernel.shape[0] // 2
        kernel[middle, middle] = 1  # every output sums all inputs at the centre
        conv.kernel[...] = jnp.asarray(kernel)
    rows = jnp.arange(11.0)[None, :, None, None] * jnp.ones((1, 11, 12, 2))
    out = np.asarray(block(rows))[0, :, 0, 0]
    # Main branch and shortcut are both proportional to the row number: so is the sum.
    first = np.round(out[0] / (out[1] - out[0]) * stride, 3)
    reach = 1 if not small_image else 1 + stride
    assert first == reach


@pytest.mark.slow
def test_too_small_image_names_the_smallest_legal_one():
    with pytest.raises(ValueError, match="smallest legal input is 5x5"):
        small("reflect")(jnp.ones((1, 4, 4, 1)))
    assert small("reflect")(jnp.ones((1, 5, 5, 1))).shape == (1, 10)


def test_amount_that_grows_the_main_branch_is_refused():
    with pytest.raises(ValueError, match='use the amount "half" or "valid"'):
        small("full")(jnp.ones((1, 16, 16, 1)))


def test_amount_of_its_own_spares_the_windows_of_one():
    x = jax.random.normal(jax.random.key(0), (1, 8, 8, 1))
    same = small(Padding("reflect", amount=1))
    np.testing.assert_array_equal(same(x), small("reflect")(x))


def test_norms_add_gradients_up_in_float32():
    """Flax's own batch norm rounds its shift to bfloat16, and so its gradient."""
    layer = norm(4, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    x = jax.random.normal(jax.random.key(0), (8, 16, 16, 4), jnp.bfloat16)
    slope = 1 + x.astype(jnp.float32)
    with jax.numpy_dtype_promotion("standard"):  # flax's norms rely on it
        grads = nnx.grad(lambda m: (m(x).astype(jnp.float32) * slope).sum())(layer)
        assert layer(x).dtype == jnp.bfloat16
    # Each slope is rounded to bfloat16 on its way back, their sum is not.
    exact = np.asarray(slope.astype(jnp.bfloat16), np.float64).sum((0, 1, 2))
    np.testing.assert_allclose(grads["bias"][...], exact, rtol=1e-5)
