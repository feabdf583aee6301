"""`jaxpad.layers.Conv` beside `flax.nnx.Conv`: parameters, dtypes, shapes."""

import copy
import pickle
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import jaxpad
from jaxpad import Padding
from jaxpad.layers import Conv, replace_padding
from tests.subjects import MODE_SPECS, PADDING_SPECS, integers, sixteenths


# The options of both layers that shape the parameters or the arithmetic.
OPTIONS: list[dict[str, Any]] = [
    {"kernel_size": (3, 3)},
    {"kernel_size": (4, 3), "strides": 2},
    {"kernel_size": (3, 2), "strides": (1, 3), "kernel_dilation": (2, 1)},
    {"kernel_size": (3, 3), "feature_group_count": 2, "use_bias": False},
    {"kernel_size": 5, "strides": 2, "kernel_dilation": 2},
    {"kernel_size": (2, 1, 3), "strides": (1, 2, 1)},
    {"kernel_size": (3, 3), "bias_init": nnx.initializers.normal(1.0)},
    {"kernel_size": (3, 3), "kernel_init": nnx.initializers.ones_init()},
    {"kernel_size": (3, 3), "param_dtype": jnp.bfloat16},
]


def rank_of(options: dict[str, Any]) -> int:
    size = options["kernel_size"]
    return 1 if isinstance(size, int) else len(size)


def both(options: dict[str, Any], padding: str = "SAME") -> tuple[nnx.Conv, Conv]:
    theirs = nnx.Conv(4, 6, padding=padding, rngs=nnx.Rngs(3), **options)
    ours = Conv(4, 6, amount=padding.lower(), rngs=nnx.Rngs(3), **options)
    return theirs, ours


def image(options: dict[str, Any], batch: tuple[int, ...] = (2,)) -> Any:
    return integers((*batch, *(9, 8, 7)[: rank_of(options)], 4))


@pytest.mark.parametrize("options", OPTIONS)
def test_the_same_parameters(options: dict[str, Any]):
    theirs, ours = both(options)
    states = [nnx.to_pure_dict(nnx.state(layer)) for layer in (theirs, ours)]
    chex.assert_trees_all_equal(*states, strict=True)
    assert set(states[1]) == {"kernel", "bias"} - (
        {"bias"} if ours.bias is None else set()
    )


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_the_same_outputs(options: dict[str, Any], padding: str):
    theirs, ours = both({"kernel_init": sixteenths, **options}, padding)
    x = image(options).astype(options.get("param_dtype", np.float32))
    chex.assert_trees_all_close(ours(x), theirs(x), rtol=1e-6)
    assert ours(x).dtype == theirs(x).dtype


@pytest.mark.parametrize("padding", PADDING_SPECS)
def test_the_layer_is_the_function(padding: str):
    layer = Conv(
        4, 6, (3, 2), (1, 2), padding=padding, kernel_init=sixteenths, rngs=nnx.Rngs(0)
    )
    x = integers((2, 5, 6, 4))
    assert layer.bias is not None
    expected = jaxpad.conv(
        x, layer.kernel[...], stride=(1, 2), padding=padding, bias=layer.bias[...]
    )
    chex.assert_trees_all_equal(layer(x), expected)
    chex.assert_trees_all_close(nnx.jit(layer)(x), expected, rtol=1e-5, atol=1e-5)


def test_loads_a_flax_state():
    options: dict[str, Any] = {"kernel_size": (3, 3)}
    theirs = nnx.Conv(4, 6, rngs=nnx.Rngs(0), **options)
    ours = Conv(4, 6, rngs=nnx.Rngs(1), **options)
    x = image(options)
    assert not np.allclose(ours(x), theirs(x))
    nnx.update(ours, nnx.state(theirs))
    chex.assert_trees_all_close(ours(x), theirs(x), rtol=1e-6)
    nnx.update(theirs, nnx.state(Conv(4, 6, rngs=nnx.Rngs(2), **options)))
    assert not np.allclose(ours(x), theirs(x))


@pytest.mark.parametrize(
    ("dtype", "param_dtype", "given", "returned"),
    [
        (None, jnp.float32, jnp.float32, jnp.float32),
        (jnp.bfloat16, jnp.float32, jnp.float32, jnp.bfloat16),
        (jnp.float16, jnp.float32, jnp.float32, jnp.float16),
        (jnp.float32, jnp.bfloat16, jnp.bfloat16, jnp.float32),
        (None, jnp.bfloat16, jnp.bfloat16, jnp.bfloat16),
    ],
)
def test_dtypes(dtype: Any, param_dtype: Any, given: Any, returned: Any):
    arguments = {"dtype": dtype, "param_dtype": param_dtype, "kernel_init": sixteenths}
    layer = Conv(4, 6, (3, 3), padding="partial", rngs=nnx.Rngs(0), **arguments)
    assert layer.bias is not None
    assert layer.kernel[...].dtype == layer.bias[...].dtype == param_dtype
    y = layer(jnp.ones((1, 5, 5, 4), given))
    theirs = nnx.Conv(4, 6, (3, 3), rngs=nnx.Rngs(0), **arguments)
    assert y.dtype == returned == theirs(jnp.ones((1, 5, 5, 4), given)).dtype


def test_precision_reaches_the_convolution():
    layer = Conv(1, 1, (3,), precision="highest", rngs=nnx.Rngs(0))
    program = jax.make_jaxpr(lambda x: layer(x))(jnp.ones((1, 5, 1)))
    assert "precision=(Precision.HIGHEST" in str(program)


@pytest.mark.parametrize("options", OPTIONS[3:6])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (2, 1, 2), (0,)])
def test_any_batch_axes(options: dict[str, Any], batch: tuple[int, ...]):
    theirs, ours = both({"kernel_init": sixteenths, **options})
    x = image(options, batch)
    y = ours(x)
    assert y.shape[: len(batch)] == batch
    if 0 not in batch:  # flax cannot fold an empty batch
        chex.assert_trees_all_close(y, theirs(x), rtol=1e-6)


def test_a_linen_model_uses_it():
    """`flax.nnx.bridge` makes it a Linen layer with Linen's calling convention."""

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            x = nnx.bridge.to_linen(Conv, 1, 4, (3, 3), padding="circular")(x)
            return linen.Dense(2)(linen.relu(x).mean((1, 2)))

    x = jnp.asarray(integers((2, 5, 6, 1)))
    variables = Net().init(jax.random.key(0), x)
    kernel = jax.tree.leaves(variables["params"]["ToLinen_0"])[1]
    assert kernel.shape == (3, 3, 1, 4)
    rolled = jnp.roll(x, (2, 3), (1, 2))
    y, again = (Net().apply(variables, image) for image in (x, rolled))
    chex.assert_trees_all_close(y, again, atol=1e-5)
    grads = jax.grad(lambda v: Net().apply(v, x).sum())(variables)  # pyright: ignore
    assert all(np.any(g != 0) for g in jax.tree.leaves(grads["params"]))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"feature_group_count": 3}, "=3 must divide both in_features=4 and"),
        ({"padding": "circlar"}, "Did you mean 'circular'"),
        ({"strides": (1, 2, 3)}, r"strides=\(1, 2, 3\): expected"),
        ({"strides": 0}, "strides=0: expected an int of at least 1"),
        ({"kernel_dilation": (1,)}, r"kernel_dilation=\(1,\): expected"),
        ({"amount": "most"}, "unknown amount 'most'"),
        ({"feature_group_count": 0}, "feature_group_count=0: expected an int of at"),
        ({"padding": ("zero",) * 3}, "mode has 3 entries, .* but 2 axes"),
        ({"amount": ((1, 1),) * 3}, "has 3 pairs, one per axis, but 2 axes"),
        ({"padding": Padding(amount=((1, 1),))}, "has 1 pairs, one per axis, but 2"),
    ],
)
def test_refusals(arguments: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text):
        Conv(4, 6, (3, 3), rngs=nnx.Rngs(0), **arguments)


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((1, 5, 5, 3), "the input has 3 channels, but .* in_features=4"),
        ((5, 4), r"the input has shape \(5, 4\); a layer with 2 space axes takes"),
    ],
)
def test_inputs_that_do_not_fit(shape: tuple[int, ...], text: str):
    with pytest.raises(ValueError, match=text):
        Conv(4, 6, (3, 3), rngs=nnx.Rngs(0))(jnp.ones(shape))


def test_image_of_whole_numbers_is_refused():
    layer = Conv(4, 6, (3, 3), rngs=nnx.Rngs(0))
    with pytest.raises(TypeError, match=r"Conv: x has dtype uint8.*astype"):
        layer(jnp.ones((1, 5, 5, 4), jnp.uint8))


def test_amounts_as_lists_leave_the_layer_hashable():
    one = Conv(1, 1, (3, 3), amount=[(1, 1), (2, 0)], rngs=nnx.Rngs(0))
    two = Conv(1, 1, (3, 3), amount=((1, 1), (2, 0)), rngs=nnx.Rngs(0))
    assert hash(nnx.graphdef(one)) == hash(nnx.graphdef(two))


@pytest.mark.parametrize("mode", [m for m in MODE_SPECS if m in jaxpad.MODES])
def test_layer_survives_copy_and_pickle(mode: str):
    padding = jaxpad.Padding(jaxpad.MODES[mode], reweight="partial")
    layer = Conv(1, 2, (3, 3), padding=padding, rngs=nnx.Rngs(0))
    x = jnp.ones((1, 5, 5, 1))
    np.testing.assert_array_equal(copy.deepcopy(layer)(x), layer(x))
    assert pickle.loads(pickle.dumps(padding)) == padding == copy.deepcopy(padding)


@pytest.mark.parametrize("strategy", ["explicit", "strips", jaxpad.halo("rows")])
def test_a_layer_passes_its_strategy_on(strategy: Any):
    layer = Conv(2, 3, (3, 3), padding="circular", strategy=strategy, rngs=nnx.Rngs(0))
    plain = replace_padding(Conv(2, 3, (3, 3), rngs=nnx.Rngs(0)), "circular")
    x = integers((2, 8, 5, 2))
    auto = (jax.sharding.AxisType.Auto,)
    with jax.set_mesh(jax.make_mesh((8,), ("rows",), axis_types=auto)):
        y = nnx.jit(lambda layer, x: layer(x))(layer, x)
    np.testing.assert_allclose(y, plain(x), rtol=1e-5, atol=1e-5)
    split = not isinstance(strategy, str)
    assert y.sharding.is_fully_replicated == (not split)


def test_an_unknown_strategy_is_refused_when_the_layer_is_made():
    with pytest.raises(ValueError, match=r"unknown strategy 'stripes'\. Did you mean"):
        Conv(2, 3, (3, 3), strategy="stripes", rngs=nnx.Rngs(0))
