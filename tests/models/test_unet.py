"""U-Net: published sizes, every padding, and scores that lie over their pixels."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad import PADDINGS, Padding
from jaxpad.layers import STATEFUL, Conv, ConvTranspose, Padded
from jaxpad.models import MODELS
from tests.models.nets import filled, run, symmetric
from tests.oracles import correlate
from tests.subjects import ON_THE_SPHERE


def unet(padding: Any = "zero", **options) -> Any:
    options = {"width": 4, "depth": 2, **options}
    return MODELS["unet"](3, 5, padding=padding, **options, rngs=nnx.Rngs(0))


def trained(padding: Any = "zero", **options) -> Any:
    return filled(lambda: unet(padding, **options))


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(*shape, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        # The paper's network, of one channel and one class, as its ports report it.
        ({"channels": 1, "classes": 1, "norm": False}, 31_030_593),
        # The Keras port has 31,031,685, but a 3x3 and a 1x1 convolution as its head.
        (
            {"channels": 1, "classes": 2, "norm": False},
            31_031_685 - (9 * 64 * 2 + 2) - (2 + 1) + (64 * 2 + 2),
        ),
        # The PyTorch port with batch norms.
        ({"channels": 3, "classes": 1}, 31_037_633),
    ],
)
def test_published_number_of_parameters(options: Any, count: int):
    model = nnx.eval_shape(lambda: MODELS["unet"](**options, rngs=nnx.Rngs(0)))
    params = jax.tree.leaves(nnx.state(model, nnx.Param))
    assert sum(p.size for p in params) == count


# "full" makes the maps grow; a test below has its error.
@pytest.mark.parametrize(
    ("upsample", "padding"),
    [
        *(("resized", padding) for padding in PADDINGS if padding != "full"),
        *(("transposed", padding) for padding in ("partial", "valid", "median")),
    ],
)
def test_every_padding_reaches_every_layer(upsample: str, padding: str):
    model = nnx.eval_shape(lambda: unet(padding, upsample=upsample, depth=1))
    spec = PADDINGS[padding]
    layers = [m for _, m in nnx.iter_modules(model) if isinstance(m, Padded)]
    assert len(layers) == 2 * 3 + 1 + 1 + 1
    for m in layers:
        if isinstance(m, ConvTranspose):  # its windows lie side by side
            assert (m.strides, m.amount) == (m.kernel_size, "valid")
            continue
        module = STATEFUL.get(str(spec.mode)) if m.amount != "valid" else None
        assert isinstance(m.mode, module) if module else m.mode == spec.mode
        assert m.reweight == spec.reweight
    shape = (12, 32, 32) if padding in ON_THE_SPHERE else (2, 65, 97)
    assert shape_of(model, *shape) == (*shape, 5)


def test_dtype_is_of_the_computation():
    make = lambda: unet("reflect", dtype=jnp.bfloat16)  # noqa: E731
    model = nnx.eval_shape(make)
    model.eval()  # flax's norms promote by themselves in training
    graph, state = nnx.split(model)
    x = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    scores = jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, x)
    assert scores.dtype == jnp.bfloat16
    assert {p.dtype for p in jax.tree.leaves(state)} == {jnp.dtype("float32")}


@pytest.mark.parametrize("size", [(16, 20), (21, 15)])
@pytest.mark.parametrize("padding", ["zero", "valid", "circular"])
def test_skips_lie_over_the_image(padding: str, size: tuple[int, int]):
    """A network whose kernels pass the skips on, and nothing else, copies the image."""
    model = trained(padding, width=3, norm=False)
    for _, layer in nnx.iter_modules(model):
        if isinstance(layer, Conv) and layer.bias is not None:
            kernel = np.zeros(layer.kernel.shape, np.float32)
            middle = kernel.shape[0] // 2
            channels = min(kernel.shape[2:])
            kernel[middle, middle, :channels, :channels] = np.eye(channels)
            layer.kernel[...] = jnp.asarray(kernel)
            layer.bias[...] = jnp.asarray(np.zeros(layer.bias.shape, np.float32))
    x = images(2, *size)
    np.testing.assert_allclose(run(model, x)[..., :3], np.maximum(x, 0), atol=1e-6)


@pytest.mark.parametrize(
    ("padding", "upsample", "width"),
    [
        ("circular", "transposed", 24),
        ("symmetric", "resized", 24),
        # Widths of which the mirror makes a tile that is as even before as after.
        ("valid", "transposed", 24),
        ("valid", "resized", 26),
    ],
)
def test_what_comes_from_below_lies_over_the_image(
    padding: str, upsample: str, width: int
):
    """With symmetric kernels, a flipped image has flipped scores."""
    model = symmetric(trained(padding, upsample=upsample))
    x = images(2, 16, width)
    flipped = run(model, x[:, :, ::-1])[:, :, ::-1]
    np.testing.assert_allclose(flipped, run(model, x), atol=2e-5)


@pytest.mark.parametrize("upsample", ["transposed", "resized"])
def test_circular_shifts_commute_with_the_network(upsample: str):
    model = trained("circular", upsample=upsample)
    x, shift = images(1, 16, 24), functools.partial(np.roll, shift=(4, -8), axis=(1, 2))
    np.testing.assert_allclose(run(model, shift(x)), shift(run(model, x)), atol=2e-5)


def test_valid_has_the_papers_sizes():
    """A tile of 572 pixels gives 388 scores, 92 pixels from its border."""
    model = nnx.eval_shape(lambda: unet("valid", depth=4))
    assert model._tile(388) == (92, 92)
    assert model._tile(380) == (92, 100)


@pytest.mark.parametrize(
    ("upsample", "size"), [("transposed", (27, 37)), ("resized", (24, 31))]
)
def test_valid_mirrors_the_image(upsample: str, size: tuple[int, int]):
    """An image that is mirrored before has the same scores, all of them."""
    model = trained("valid", upsample=upsample)
    x = images(1, *size)
    mirrored = np.pad(x, [(0, 0), (32, 32), (32, 32), (0, 0)], "reflect")
    inner = run(model, mirrored)[:, 32 : 32 + size[0], 32 : 32 + size[1]]
    np.testing.assert_allclose(inner, run(model, x), atol=2e-5)


def test_one_axis_may_be_valid():
    mixed = trained(Padding("circular", amount=((1, 1), (0, 0))), depth=1)
    x = images(1, 16, 24)
    y = run(mixed, x)
    np.testing.assert_allclose(
        run(mixed, np.roll(x, 4, 1)), np.roll(y, 4, 1), atol=2e-5
    )
    assert np.abs(run(mixed, np.roll(x, 4, 2)) - np.roll(y, 4, 2)).max() > 1e-3


def test_a_level_by_hand():
    """One level under zero padding, at an odd size, in NumPy."""
    model = trained(depth=1, width=2, norm=False)
    x = images(1, 5, 7)

    def two(x: np.ndarray, block: Any) -> np.ndarray:
        for layer in block.convs:
            x = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
            x = correlate(x, np.asarray(layer.kernel), (1, 1), (1, 1))
            x = np.maximum(x + np.asarray(layer.bias), 0)
        return x

    skip = two(x, model.down[0])
    pooled = np.full((1, 3, 4, 2), -np.inf)
    for i, j in np.ndindex(5, 7):
        old = pooled[:, i // 2, j // 2]
        pooled[:, i // 2, j // 2] = np.maximum(old, skip[:, i, j])
    below = two(pooled, model.down[1])
    layer, up = model.enlarge[0], np.zeros((1, 6, 8, 2))
    for i, j in np.ndindex(6, 8):
        # flax's kernel slides over the stretched map, so its taps are reversed.
        tap = np.asarray(layer.kernel)[1 - i % 2, 1 - j % 2]
        up[:, i, j] = below[:, i // 2, j // 2] @ tap + np.asarray(layer.bias)
    y = two(np.concatenate([skip, up[:, :5, :7]], -1), model.up[0])
    y = y @ np.asarray(model.head.kernel)[0, 0] + np.asarray(model.head.bias)
    np.testing.assert_allclose(run(model, x), y, atol=1e-5)


def test_training_moves_the_statistics_of_every_norm():
    model = trained("reflect", depth=1)
    model.train()
    graph, before = nnx.split(model)

    @jax.jit
    def trace(state: Any, x: Any) -> Any:
        model = nnx.merge(graph, state)
        model(x)
        return nnx.state(model, nnx.BatchStat)

    after = jax.tree.leaves(trace(before, images(2, 8, 8)))
    assert len(after) == 2 * 2 * 3
    old = jax.tree.leaves(nnx.state(model, nnx.BatchStat))
    assert all(np.any(b != a) for b, a in zip(old, after, strict=True))


def shape_of(model: Any, *shape: int) -> tuple[int, ...]:
    graph, state = nnx.split(model)
    x = jax.ShapeDtypeStruct((*shape, 3), jnp.float32)
    return jax.eval_shape(lambda s, x: nnx.merge(graph, s)(x), state, x).shape


def test_an_image_smaller_than_the_margin_of_valid():
    model = nnx.eval_shape(lambda: unet("valid"))
    assert shape_of(model, 1, 5, 2) == (1, 5, 2, 5)


def test_errors():
    with pytest.raises(ValueError, match='Use the amount "half", which keeps their'):
        nnx.eval_shape(lambda: unet("full"))
    with pytest.raises(ValueError, match=r"adds \[\(0, 1\), \(0, 1\)\] cells"):
        nnx.eval_shape(lambda: unet(Padding(amount=(0, 1))))
    with pytest.raises(ValueError, match=r"unknown upsampling 'resize'.*'resized'"):
        unet(upsample="resize")
    reflect = nnx.eval_shape(lambda: unet("reflect", depth=1))
    with pytest.raises(ValueError, match=r"input is 3x3.*images, a smaller depth, or"):
        shape_of(reflect, 1, 2, 2)
    assert shape_of(reflect, 1, 3, 3) == (1, 3, 3, 5)
