"""The layers of the other operations: parameters, batch axes, the same function."""

import functools
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
    BlurPool,
    Conv,
    ConvTranspose,
    MaxPool,
    Patches,
    Random,
    ResizeConv,
    replace_padding,
)
from tests.subjects import claiming, integers, sixteenths


def transposed(**options: Any) -> ConvTranspose:
    options = {"kernel_init": sixteenths, "rngs": nnx.Rngs(0), **options}
    return ConvTranspose(4, 6, (3, 2), (1, 2), **options)


def resized(**options: Any) -> ResizeConv:
    options = {"kernel_init": sixteenths, "rngs": nnx.Rngs(0), **options}
    return ResizeConv(4, 6, (3, 2), (1, 2), **options)


def as_function(layer: Any, x: Any, padding: Any) -> jax.Array:
    """What the layer should do, by the functional core and the layer's parameters."""
    match layer:
        case ConvTranspose():
            kernel, call = layer.kernel[...][::-1, ::-1], jaxpad.conv_transpose
            call = functools.partial(call, kernel=kernel, stride=(1, 2))
        case ResizeConv():
            kernel, call = layer.kernel[...], jaxpad.resize_conv
            call = functools.partial(call, kernel=kernel, scale=(1, 2))
        case BlurPool():
            call = functools.partial(jaxpad.blur_pool, stride=2, amount="half")
            return call(x, padding=padding)
        case _:
            return jaxpad.patches(x, (3, 2), stride=(1, 2), padding=padding)
    return call(x, padding=padding, bias=layer.bias[...])  # pyright: ignore


LAYERS = {
    "transposed": transposed,
    "resized": resized,
    "blur": functools.partial(BlurPool, 2),
    "patches": functools.partial(Patches, (3, 2), (1, 2)),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


@every_layer
@pytest.mark.parametrize(
    "padding", ["zero", "reflect", "partial", ("zero", "circular")]
)
@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_the_layer_is_the_function(name: str, padding: Any, batch: tuple[int, ...]):
    layer, x = LAYERS[name](padding=padding), integers((*batch, 5, 6, 4))
    expected = as_function(layer, x.reshape(-1, 5, 6, 4), padding)
    got = layer(x)
    assert got.shape == (*batch, *expected.shape[1:])
    chex.assert_trees_all_equal(got.reshape(expected.shape), expected)
    jitted = nnx.jit(lambda layer, x: layer(x))(layer, x)
    chex.assert_trees_all_close(jitted, got, rtol=1e-5, atol=1e-5)


@every_layer
def test_replaced_and_back(name: str):
    model = nnx.Sequential(LAYERS[name](padding="zero"))
    x = integers((1, 5, 6, 4))
    other = replace_padding(model, "reflect")
    assert type(other.layers[0]) is type(model.layers[0])
    expected = LAYERS[name](padding="reflect")(x)
    chex.assert_trees_all_equal(other(x), expected)
    chex.assert_trees_all_equal(replace_padding(other, "zero")(x), model(x))
    valid: Any = replace_padding(model, "valid").layers[0]
    assert valid.padding == Padding("zero", "valid")


# Options of both transposed layers that shape the parameters or the arithmetic.
OPTIONS: list[dict[str, Any]] = [
    {"kernel_size": (3, 3), "strides": 2},
    {"kernel_size": (4, 3), "strides": (2, 1), "kernel_dilation": (1, 2)},
    {"kernel_size": 5, "strides": 3, "use_bias": False},
    {"kernel_size": (2, 3), "bias_init": nnx.initializers.normal(1.0)},
    {"kernel_size": (2, 2), "param_dtype": jnp.bfloat16, "strides": 2},
]
every_option = pytest.mark.parametrize("options", OPTIONS)
both_kernels = pytest.mark.parametrize("transpose_kernel", [False, True])


@every_option
@both_kernels
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_flax_s_parameters_and_outputs(
    options: dict[str, Any], transpose_kernel: bool, padding: str
):
    options = {**options, "transpose_kernel": transpose_kernel, "rngs": nnx.Rngs(3)}
    theirs = nnx.ConvTranspose(4, 6, padding=padding, **options)
    options["rngs"] = nnx.Rngs(3)
    ours = ConvTranspose(4, 6, amount=padding.lower(), **options)
    states = [nnx.to_pure_dict(nnx.state(layer)) for layer in (theirs, ours)]
    chex.assert_trees_all_equal(*states, strict=True)
    rank = len(ours.kernel_size)
    x = integers((2, *(5, 4)[:rank], 4)).astype(options.get("param_dtype", np.float32))
    got, expected = ours(x), theirs(x)
    assert got.dtype == expected.dtype
    tolerance = 0.05 if got.dtype == jnp.bfloat16 else 1e-5
    chex.assert_trees_all_close(got, expected, rtol=tolerance, atol=tolerance)


# flax's padding, and whether a window of k' cells at a stride has a counterpart.
FLAX_PADDINGS: list[tuple[Any, Any]] = [
    ("SAME", lambda k, s: True),
    ("VALID", lambda k, s: True),
    ("CIRCULAR", lambda k, s: k >= s),
    (0, lambda k, s: True),
    (1, lambda k, s: k > 1),
    ([(2, 1)], lambda k, s: k > 2),
    ([(0, 3)], lambda k, s: 3 - (k - 1) < s),
]


@pytest.mark.parametrize(
    ("padding", "exists"),
    FLAX_PADDINGS,
    ids=[str(padding) for padding, _ in FLAX_PADDINGS],
)
@both_kernels
def test_replaces_flax_s_layer(padding: Any, exists: Any, transpose_kernel: bool):
    x, ours = integers((1, 6, 2)), "circular" if padding == "CIRCULAR" else "zero"
    for k, s, d in [(2, 4, 1), (3, 1, 1), (3, 2, 1), (4, 1, 1), (4, 2, 1), (2, 2, 2)]:
        layer = nnx.ConvTranspose(
            2,
            3,
            k,
            s,
            padding=padding,
            kernel_dilation=d,
            transpose_kernel=transpose_kernel,
            kernel_init=sixteenths,
            rngs=nnx.Rngs(0),
        )
        model = nnx.Sequential(layer)
        if not exists(d * (k - 1) + 1, s):
            with pytest.raises(ValueError, match=r"layers/0: .* has no counterpart"):
                replace_padding(model, ours)
            continue
        new = replace_padding(model, ours)
        converted: Any = new.layers[0]
        assert isinstance(converted, ConvTranspose)
        assert converted.kernel is layer.kernel
        got, expected = new(x), layer(x)
        assert got.shape == expected.shape, (k, s, d)
        chex.assert_trees_all_close(got, expected, rtol=1e-5, atol=1e-5)


def test_what_flax_alone_has_is_refused():
    layer = nnx.ConvTranspose(1, 1, 3, rngs=nnx.Rngs(0), mask=jnp.ones((3, 1, 1)))
    with pytest.raises(ValueError, match="ConvTranspose with mask has no counterpart"):
        replace_padding(nnx.Sequential(layer), "circular")

    class Scaled(nnx.ConvTranspose):
        pass

    with pytest.raises(ValueError, match=r"a Scaled that overrides nnx.ConvTranspose"):
        replace_padding(nnx.Sequential(Scaled(1, 1, 3, rngs=nnx.Rngs(0))), "circular")


@both_kernels
def test_groups(transpose_kernel: bool):
    """Each group by itself is a layer of its own."""
    x = integers((1, 5, 4))
    make = functools.partial(
        ConvTranspose, transpose_kernel=transpose_kernel, rngs=nnx.Rngs(0)
    )
    layer = make(4, 6, 3, 2, feature_group_count=2)
    assert layer.kernel.shape == ((3, 3, 4) if transpose_kernel else (3, 4, 3))
    for g in range(2):
        half = make(2, 3, 3, 2)
        cut = (slice(None),) * (2 if transpose_kernel else 1)
        half.kernel[...] = layer.kernel[...][(*cut, slice(2 * g, 2 * g + 2))]
        got = layer(x)[..., 3 * g : 3 * g + 3]
        chex.assert_trees_all_close(got, half(x[..., 2 * g : 2 * g + 2]), atol=1e-5)


def test_the_adjoint_of_a_layer():
    """With transpose_kernel=True the layer holds the kernel of a `Conv`."""
    options: dict[str, Any] = {"use_bias": False, "padding": "replicate"}
    conv = Conv(4, 6, (3, 3), 2, rngs=nnx.Rngs(0), **options)
    options |= {"transpose_kernel": True, "rngs": nnx.Rngs(1)}
    adjoint = ConvTranspose(6, 4, (3, 3), 2, **options)
    adjoint.kernel = conv.kernel
    x, y = integers((1, 8, 6, 4)), integers((1, 4, 3, 6), seed=1)
    np.testing.assert_allclose(
        np.sum(conv(x) * y), np.sum(x * adjoint(y)), rtol=1e-4, atol=1e-3
    )


def test_masks_in_layers():
    x, mask = integers((2, 3, 5, 6, 4)), integers((2, 3, 5, 6, 1), seed=1) > 0
    for layer, call in (
        (Conv(4, 6, (3, 3), kernel_init=sixteenths, rngs=nnx.Rngs(0)), jaxpad.conv),
        (
            ResizeConv(4, 6, (3, 3), kernel_init=sixteenths, rngs=nnx.Rngs(0)),
            jaxpad.resize_conv,
        ),
    ):
        expected = call(
            x.reshape(6, 5, 6, 4),
            layer.kernel[...],
            mask=mask.reshape(6, 5, 6, 1),
            bias=layer.bias[...],  # pyright: ignore[reportOptionalSubscript]
        )
        got = layer(x, mask)
        chex.assert_trees_all_equal(got.reshape(expected.shape), expected)
        chex.assert_trees_all_equal(layer(x[0, 0], mask[0, 0]), got[0, 0])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: transposed(feature_group_count=3),
            "=3 must divide both in_",
        ),
        (
            lambda: transposed(output_padding=-1),
            "output_padding=-1: expected",
        ),
        (lambda: transposed(padding="circlar"), "Did you mean 'circular'"),
        (lambda: resized(feature_group_count=5), "=5 must divide both in_features=4"),
        (lambda: BlurPool(2, (1, 2, 3)), r"strides=\(1, 2, 3\): expected"),
        (lambda: Patches((2, 2), 0), "strides=0: expected an int of at least 1"),
        (lambda: transposed()(jnp.ones((1, 5, 5, 3))), "the input has 3 channels, but"),
    ],
)
def test_refusals(make: Any, text: str):
    with pytest.raises(ValueError, match=text):
        make()


@pytest.mark.parametrize("strides", [0, (1, 2, 3)])
def test_strides_of_a_pool_are_read_when_it_is_made(strides: Any):
    with pytest.raises(ValueError, match=r"strides=.*: expected an int of at least 1"):
        MaxPool((2, 2), strides)


def squared(x: Any, widths: Any) -> jax.Array:
    return jnp.pad(x, widths) ** 2


NOT_LINEAR = [
    "median",
    "linear_prediction",
    "distribution",
    ("zero", "median"),
    squared,
]


@pytest.mark.parametrize("mode", NOT_LINEAR)
def test_a_mode_without_an_adjoint_is_refused_when_the_layer_is_made(mode: Any):
    with pytest.raises(ValueError, match="is not linear in the image"):
        transposed(padding=mode)
    model = nnx.Sequential(nnx.ConvTranspose(2, 4, (3, 3), rngs=nnx.Rngs(0)))
    with pytest.raises(ValueError, match=r"layers/0: .* is not linear in the image"):
        replace_padding(model, mode)


@pytest.mark.parametrize("mode", claiming("affine"))
def test_a_linear_mode_is_held_whatever_images_it_takes(mode: str):
    layer = transposed(padding=mode, amount=1, rngs=nnx.Rngs(0))
    assert layer.padding.amount == 1


def test_a_mode_that_draws_is_not_called_when_the_layer_is_made():
    mode = Random(4, 2, rngs=nnx.Rngs(0))
    transposed(padding=mode)
    assert mode.rngs.count[...] == 0


def test_the_error_names_the_layer():
    with pytest.raises(TypeError, match="ConvTranspose: x has dtype uint8"):
        transposed()(jnp.ones((1, 5, 5, 4), jnp.uint8))
