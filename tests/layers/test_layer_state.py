"""Modes that a layer holds parameters or keys for, and layers beside the modes."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxpad
from jaxpad import Padding
from jaxpad.layers import (
    STATEFUL,
    AvgPool,
    BlurPool,
    Conv,
    ConvTranspose,
    EdgeConv,
    LearnedConstant,
    MaxPool,
    PadChannel,
    Patches,
    Random,
    ResizeConv,
    replace_padding,
)
from tests.subjects import SPECIAL, integers, sixteenths


X = integers((2, 5, 6, 4))
LEARNED = {"learned_constant": "zero", "learned_extrapolation": "replicate"}
learned = pytest.mark.parametrize(("mode", "initial"), LEARNED.items())


def layer_with(padding: Any, **options: Any) -> Conv:
    options = {"kernel_init": sixteenths, "rngs": nnx.Rngs(0), **options}
    return Conv(4, 3, (3, 3), padding=padding, **options)


def modules(model: nnx.Module) -> list[Any]:
    kinds = tuple(STATEFUL.values())
    return [m for _, m in nnx.iter_modules(model) if isinstance(m, kinds)]


def test_every_mode_that_needs_arrays_has_a_module():
    assert set(STATEFUL) == set(SPECIAL) - {"c2sp"}


@learned
@pytest.mark.parametrize("size", [(3,), (5, 4), (2, 3, 3)])
def test_learned_modes_begin_as(mode: str, initial: str, size: tuple[int, ...]):
    x = integers((2, *(6, 5, 4)[: len(size)], 4))
    made = [
        Conv(4, 3, size, padding=p, kernel_init=sixteenths, rngs=nnx.Rngs(0))
        for p in (mode, initial)
    ]
    chex.assert_trees_all_close(made[0](x), made[1](x), rtol=1e-5, atol=1e-5)
    # The same keys: what is learned beside the kernel does not move its first value.
    chex.assert_trees_all_equal(made[0].kernel[...], made[1].kernel[...])


@learned
def test_the_gradient_reaches_the_parameters(mode: str, initial: str):
    layer = layer_with(mode)
    grads = nnx.grad(lambda layer: jnp.sum(jnp.cos(layer(X))))(layer)
    (gradient,) = jax.tree.leaves(nnx.to_pure_dict(grads)["mode"])
    assert gradient.shape[-1] == 4
    assert np.all(gradient != 0)


@learned
def test_replacing_by_name_gives_each_layer_its_own(mode: str, initial: str):
    make = {"kernel_init": sixteenths, "rngs": nnx.Rngs(0)}
    model = nnx.Sequential(nnx.Conv(4, 6, (3, 3), **make), Conv(6, 2, (3, 3), **make))
    new = replace_padding(model, mode)
    found = modules(new)
    assert len(found) == 2
    features = [jax.tree.leaves(nnx.state(m))[0].shape[-1] for m in found]
    assert sorted(features) == [4, 6]
    expected = replace_padding(model, initial)
    chex.assert_trees_all_close(new(X), expected(X), rtol=1e-5, atol=1e-5)
    back = replace_padding(new, "zero")
    chex.assert_trees_all_equal_structs(
        nnx.state(back), nnx.state(replace_padding(model, "zero"))
    )


def test_pooling_layers_are_told_their_channels():
    text = r"does not know how many.*give it features.*features=8"
    for make in (MaxPool, AvgPool):
        with pytest.raises(ValueError, match=text):
            make((3, 3), padding="learned_constant", amount=1)
        layer = make((3, 3), 1, padding="learned_constant", amount=1, features=4)
        expected = make((3, 3), 1, padding="constant", amount=1)(X)
        chex.assert_trees_all_close(layer(X), expected)
    model = nnx.Sequential(MaxPool((3, 3), amount=1))
    with pytest.raises(ValueError, match="layers/0: padding 'learned_constant' has"):
        replace_padding(model, "learned_constant")


def test_one_name_is_one_module_in_modes_per_axis():
    layer = layer_with((("learned_constant", "zero"), "learned_constant"))
    (module,) = modules(layer)
    assert isinstance(module, LearnedConstant)
    module.value[...] = jnp.full(4, 7.0)
    fixed = layer_with((("constant(value=7.0)", "zero"), "constant(value=7.0)"))
    chex.assert_trees_all_close(layer(X), fixed(X), rtol=1e-5, atol=1e-5)


def test_a_layer_that_adds_no_cells_holds_nothing():
    for mode in STATEFUL:
        assert modules(layer_with(mode, amount="valid")) == []


def test_random_draws_in_training_and_not_in_evaluation():
    layer = layer_with("random")
    outputs = [np.asarray(layer(X)) for _ in range(8)]
    assert len({y.tobytes() for y in outputs}) > 1
    # The same rngs draw the same again.
    again = layer_with("random")
    for y in outputs:
        np.testing.assert_array_equal(again(X), y)
    layer.eval()
    zero = layer_with("zero")
    for _ in range(2):
        chex.assert_trees_all_equal(layer(X), zero(X))
    layer.train()
    assert len({np.asarray(layer(X)).tobytes() for _ in range(8)}) > 1


def test_random_takes_its_keys_from_the_stream_of_padding():
    seeds: dict[str, Any] = {"params": 0, "padding": 5}
    one, two = (layer_with("random", rngs=nnx.Rngs(**seeds)) for _ in range(2))
    chex.assert_trees_all_equal(one(X), two(X))
    plain = layer_with("zero", kernel_init=nnx.initializers.lecun_normal())
    drawn = layer_with(
        "random",
        kernel_init=nnx.initializers.lecun_normal(),
        rngs=nnx.Rngs(0, padding=5),
    )
    # With a stream of its own, it leaves the initial parameters alone.
    chex.assert_trees_all_equal(plain.kernel[...], drawn.kernel[...])


@nnx.jit
def call(layer: Conv, x: jax.Array) -> jax.Array:
    return layer(x)


def test_random_draws_anew_under_jit():
    layer = layer_with("random")
    assert len({np.asarray(call(layer, X)).tobytes() for _ in range(8)}) > 1
    (module,) = modules(layer)
    assert isinstance(module, Random)
    assert module.rngs.count[...] == 8


def test_random_is_replaced_with_rngs():
    model = nnx.Sequential(Conv(4, 4, (3, 3), rngs=nnx.Rngs(0)), MaxPool((2, 2)))
    with pytest.raises(ValueError, match=r"layers/0: .*draws keys.*rngs=nnx.Rngs\(0\)"):
        replace_padding(model, "random")
    new = replace_padding(model, Padding("random", amount=1), rngs=nnx.Rngs(0))
    assert len(modules(new)) == 2
    assert len({np.asarray(new(X)).tobytes() for _ in range(8)}) > 1
    new.eval()
    zero = replace_padding(model, Padding("zero", amount=1))
    # In max-pooling the cells of mode "zero" never win; these are zeros.
    chex.assert_trees_all_close(new.layers[0](X), zero.layers[0](X))
    with pytest.raises(ValueError, match="draws keys"):
        MaxPool((2, 2), padding="random", amount=1)


def test_pad_channel_tells_added_cells_from_dark_ones():
    x = integers((2, 3, 4, 2)).astype(np.float16)
    y = np.asarray(PadChannel()(x))
    np.testing.assert_array_equal(y, np.concatenate([x, np.ones_like(x[..., :1])], -1))
    assert y.dtype == x.dtype
    # A kernel that is minus one on that channel counts the cells that are there.
    kernel = np.zeros((3, 3, 2, 1), np.float32)
    kernel[:, :, 1] = 1
    seen = jaxpad.conv(PadChannel()(jnp.zeros((1, 4, 4, 1))), kernel)
    np.testing.assert_array_equal(seen[0, 0, :, 0], [4, 6, 6, 4])


def test_edge_conv_layer_begins_as_a_convolution():
    layer = EdgeConv(4, 3, (3, 2), (1, 2), rngs=nnx.Rngs(0))
    conv = Conv(4, 3, (3, 2), (1, 2), rngs=nnx.Rngs(0))
    chex.assert_trees_all_close(layer(X), conv(X), rtol=1e-4, atol=1e-5)
    chex.assert_trees_all_close(layer(X[0]), conv(X[0]), rtol=1e-4, atol=1e-5)
    grads = nnx.grad(lambda layer: jnp.sum(layer(X) ** 2))(layer)
    zones = np.any(np.asarray(grads.kernels[...]) != 0, (2, 3, 4, 5))
    # A window of 2 at stride 2 fits into 6 cells: no window overhangs a side.
    np.testing.assert_array_equal(zones, [[False, True, False]] * 3)
    half = EdgeConv(4, 3, (3, 2), dtype=jnp.bfloat16, use_bias=False, rngs=nnx.Rngs(0))
    assert half(X).dtype == jnp.bfloat16
    # It is no layer of which the padding could be replaced.
    both: Any = replace_padding(nnx.Sequential(layer, conv), "circular")
    assert both.layers[0].kernels is layer.kernels


@pytest.mark.parametrize("padding", ["full", Padding(amount="full")])
def test_full_convolution_sees_each_cell_with_each_tap(padding: Any):
    layer = Conv(
        4, 3, (3, 3), padding=padding, kernel_init=sixteenths, rngs=nnx.Rngs(0)
    )
    assert layer(X).shape == (2, 7, 8, 3)
    # So the sum over the outputs does not depend on where a point lies.
    point = np.zeros((20, 4, 5, 4), np.float32)
    point[np.arange(20), *np.divmod(np.arange(20), 5), 0] = 1
    sums = np.asarray(layer(point)).sum((1, 2))
    np.testing.assert_allclose(sums, np.tile(sums[:1], (20, 1)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("padding", ["learned_extrapolation", "learned_constant"])
def test_other_layers_hold_their_modes(padding: str):
    """The transposed convolution pads its output, the others their input."""
    options = {"padding": padding, "amount": 1, "rngs": nnx.Rngs(0)}
    pools = [
        BlurPool(2, features=4, **options),
        Patches((3, 3), features=4, **options),
        ResizeConv(4, 2, (3, 3), kernel_init=sixteenths, **options),
    ]
    x = integers((1, 6, 6, 4))
    for layer in pools:
        assert jax.tree.leaves(nnx.state(layer.mode))[0].shape[-1] == 4
        assert np.all(np.isfinite(layer(x)))
    turned = ConvTranspose(4, 2, (3, 3), kernel_init=sixteenths, **options)
    replaced = replace_padding(
        ConvTranspose(4, 2, (3, 3), amount=1, rngs=nnx.Rngs(0)), padding
    )
    for layer in (turned, replaced):
        assert jax.tree.leaves(nnx.state(layer.mode))[0].shape[-1] == 2
        assert layer(x).shape == (1, 6, 6, 2)


def test_a_transposed_convolution_draws():
    layer = ConvTranspose(2, 2, (3, 3), 2, padding="random", rngs=nnx.Rngs(0))
    x = np.ones((1, 3, 3, 2))
    assert any(np.any(layer(x) != layer(x)) for _ in range(9))
    layer.eval()
    np.testing.assert_allclose(layer(x), replace_padding(layer, "zero")(x))


def test_a_resize_has_no_strides():
    with pytest.raises(TypeError, match=r"ResizeConv has no \['strides'\]"):
        ResizeConv(4, 2, (3, 3), strides=2, rngs=nnx.Rngs(0))


@pytest.mark.parametrize("strategy", ["auto", "explicit", "repad"])
def test_a_key_is_drawn_before_the_convolution_is_traced(strategy: str):
    options: Any = {"padding": "random", "rngs": nnx.Rngs(0, padding=1)}
    layer = Conv(2, 3, (3, 3), kernel_init=sixteenths, strategy=strategy, **options)
    x = integers((2, 14, 14, 2))
    padding = nnx.clone(layer).drawn()
    expected = jaxpad.conv(x, layer.kernel[...], padding=padding)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)
    gradient = nnx.grad(lambda layer: layer(x).sum())(layer)
    assert np.any(gradient["kernel"][...])


def test_a_pooling_layer_takes_a_mask():
    x, mask = -np.ones((3, 2, 4, 4, 1)), np.zeros((3, 2, 4, 4, 1), bool)
    mask[..., 0, :, :] = True
    for layer in (MaxPool((2, 2)), AvgPool((2, 2))):
        np.testing.assert_array_equal(layer(x, mask)[..., 0, :, 0], -1)
