"""DeepLabV3+: published sizes, every padding, and maps that lie over the image."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad import PADDINGS, Padding
from jaxpad.layers import STATEFUL, Padded
from jaxpad.models import MODELS, AtrousPyramid, Enlarge, ResNet
from tests.models.nets import filled, run, symmetric
from tests.oracles import correlate, numpy_pad
from tests.subjects import ON_THE_SPHERE


# torchvision's deeplabv3_resnet50 of 21 classes; its second output, for training.
DEEPLABV3, AUXILIARY = 42_004_074, (9 * 1024 + 2) * 256 + (256 + 1) * 21
# What the decoder of V3+ adds: the map of stride 4, and one more 3x3 convolution,
# which sees that map beside the pyramid.
DECODER = 256 * 48 + 2 * 48 + (9 * (256 + 48) + 2) * 256


def encoder(channels: int, classes: int | None, **options) -> ResNet:
    return ResNet(channels, classes, blocks=(1, 1, 1, 1), width=4, **options)


def deeplab(padding: Any = "zero", **options) -> Any:
    options = {"encoder": encoder, "multi_grid": None, "features": 4, **options}
    return MODELS["deeplabv3plus"](3, 5, padding=padding, **options, rngs=nnx.Rngs(0))


def shape_of(model: Any, *shape: int) -> tuple[int, ...]:
    graph, state = nnx.split(model)
    x = jax.ShapeDtypeStruct((*shape, 3), jnp.float32)
    return jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, x).shape


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(*shape, 3)).astype(np.float32)


def test_number_of_parameters_by_that_of_deeplabv3():
    model = nnx.eval_shape(lambda: MODELS["deeplabv3plus"](3, 21, rngs=nnx.Rngs(0)))
    params = jax.tree.leaves(nnx.state(model, nnx.Param))
    assert sum(p.size for p in params) == DEEPLABV3 - AUXILIARY + DECODER


@pytest.mark.parametrize(
    ("output_stride", "rates", "grid"),
    [(16, [6, 12, 18], [2, 4, 8]), (8, [12, 24, 36], [4, 8, 16])],
)
def test_published_rates_and_sizes(output_stride: int, rates: list, grid: list):
    model = nnx.eval_shape(
        lambda: MODELS["deeplabv3plus"](
            3, 19, output_stride=output_stride, rngs=nnx.Rngs(0)
        )
    )
    found = [b.conv.kernel_dilation for b in model.pyramid.atrous]
    assert found == [(rate, rate) for rate in rates]
    last = [block.convs[1].kernel_dilation for block in model.encoder.blocks[-3:]]
    assert last == [(rate, rate) for rate in grid]
    assert shape_of(model, 1, 1025, 2049) == (1, 1025, 2049, 19)


# A test below has the errors of those that change the size of a map.
@pytest.mark.parametrize("padding", [p for p in PADDINGS if p not in ("valid", "full")])
def test_every_padding_reaches_every_layer(padding: str):
    model = nnx.eval_shape(lambda: deeplab(padding, rates=(1, 2, 3)))
    spec = PADDINGS[padding]
    layers = [m for _, m in nnx.iter_modules(model) if isinstance(m, Padded)]
    assert len(layers) == 2 + (4 * 2 + 3) + 6 + 4 + 2
    for m in layers:
        module = STATEFUL.get(str(spec.mode)) if m.amount != "valid" else None
        assert isinstance(m.mode, module) if module else m.mode == spec.mode
        assert m.reweight == spec.reweight
    shape = (12, 64, 64) if padding in ON_THE_SPHERE else (2, 65, 97)
    assert shape_of(model, *shape) == (*shape, 5)


@pytest.mark.slow
def test_circular_shifts_commute_with_the_network():
    model = filled(lambda: deeplab("circular", output_stride=8))
    x, shift = images(1, 32, 48), (8, -16)
    y = run(model, x)
    shifted = run(model, np.roll(x, shift, (1, 2)))
    np.testing.assert_allclose(shifted, np.roll(y, shift, (1, 2)), atol=1e-4)
    assert np.ptp(y, axis=(1, 2)).min() > 0.1


@pytest.mark.slow
def test_every_map_lies_over_the_image():
    """With symmetric kernels, a flipped image of 16 n + 1 pixels has flipped scores."""
    model = symmetric(filled(lambda: deeplab("symmetric", rates=(1, 2))))
    x = images(1, 33, 49)
    flipped = run(model, x[:, :, ::-1])[:, :, ::-1]
    np.testing.assert_allclose(flipped, run(model, x), atol=1e-4)


@pytest.mark.parametrize(
    ("padding", "beyond"),
    [("zero", "edge"), ("circular", "wrap"), ("reflect", "reflect"), ("c2sp", "edge")],
)
@pytest.mark.parametrize("size", [(9, 16), (12, 14)])
def test_enlarge_interpolates_from_pixel_zero(
    padding: str, beyond: Any, size: tuple[int, int]
):
    scale = 4
    cells = [-(-n // scale) for n in size]
    x = images(2, *cells)
    y = np.pad(x, [(0, 0), (0, 1), (0, 1), (0, 0)], beyond)
    for axis, n in ((1, size[0]), (2, size[1])):
        at = np.arange(y.shape[axis]) * scale
        y = np.apply_along_axis(
            lambda line, n=n, at=at: np.interp(np.arange(n), at, line), axis, y
        )
    layer = Enlarge(scale, padding=padding, features=3)
    np.testing.assert_allclose(layer(x, size), y, atol=1e-5)


def test_enlarge_takes_a_mode_for_each_axis():
    layer = Enlarge(2, padding=("circular", "zero"))
    x = np.array([[0.0, 4.0], [8.0, 12.0]], np.float32)[None, :, :, None]
    y = [[0, 2, 4, 4], [4, 6, 8, 8], [8, 10, 12, 12], [4, 6, 8, 8]]
    np.testing.assert_allclose(layer(x, (4, 4))[0, :, :, 0], y)


@pytest.mark.parametrize("padding", ["zero", "reflect"])
def test_pyramid_by_hand(padding: str):
    pyramid = filled(
        lambda: AtrousPyramid(
            2,
            3,
            (1, 2),
            dropout=0.5,
            padding=Padding(padding),
            dtype=None,
            rngs=nnx.Rngs(0),
        )
    )
    x = images(2, 5, 7)[..., :2]

    def block(x: np.ndarray, layer: Any, rate: int = 0) -> np.ndarray:
        x = numpy_pad(x, [(0, 0), (rate, rate), (rate, rate), (0, 0)], padding)
        y = correlate(x, np.asarray(layer.conv.kernel), (1, 1), (max(rate, 1),) * 2)
        norm = layer.norm
        mean, var, scale, bias = (
            np.asarray(a[...]) for a in (norm.mean, norm.var, norm.scale, norm.bias)
        )
        return np.maximum((y - mean) / np.sqrt(var + 1e-5) * scale + bias, 0)

    mean = block(x.mean((1, 2), keepdims=True), pyramid.pooled)
    branches = [
        block(x, pyramid.point),
        block(x, pyramid.atrous[0], 1),
        block(x, pyramid.atrous[1], 2),
        np.broadcast_to(mean, (2, 5, 7, 3)),
    ]
    y = block(np.concatenate(branches, -1), pyramid.project)
    np.testing.assert_allclose(run(pyramid, x), y, atol=1e-5)


def test_dropout_in_training_only():
    pyramid = filled(
        lambda: AtrousPyramid(
            2, 64, (), dropout=0.25, padding=Padding(), dtype=None, rngs=nnx.Rngs(0)
        )
    )
    x = images(4, 8, 8)[..., :2]
    # No number is zero, whatever the norms' biases: then zeros are what was dropped.
    pyramid.project.norm.bias[...] = jnp.full(64, 100.0)
    assert np.mean(run(pyramid, x) == 0) == 0
    pyramid.dropout.deterministic = False
    assert np.mean(run(pyramid, x) == 0) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("padding", ["valid", "full", Padding("reflect", amount=1)])
def test_an_amount_that_changes_sizes_is_refused(padding: Any):
    with pytest.raises(ValueError, match=r'or the model "unet", which takes "valid"'):
        nnx.eval_shape(lambda: deeplab(padding))


@pytest.mark.slow
def test_wide_rates_on_a_small_map():
    model = nnx.eval_shape(lambda: deeplab("reflect"))
    with pytest.raises(
        ValueError,
        match=r"65x97 pixels are too small .* smallest legal input is 289x289. Use "
        r"larger images, smaller rates than \(6, 12, 18\) in cells",
    ):
        shape_of(model, 1, 65, 97)


def test_errors():
    with pytest.raises(ValueError, match="unknown model 'resnet51'"):
        deeplab(encoder="resnet51")
    with pytest.raises(ValueError, match="12x12 has 3x3 cells, but 2x3 came"):
        Enlarge(4)(images(1, 2, 3), (12, 12))
