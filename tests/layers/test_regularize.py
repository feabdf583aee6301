"""Regularizers of whole models: each layer as it is, by rules, and orthogonal starts.

The oracle of a layer is the matrix of its own call, by `jax.jacobian`.
"""

import functools
import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad import Padding, check
from jaxpad.layers import (
    Conv,
    ConvTranspose,
    EdgeConv,
    OrthogonalConv,
    ResizeConv,
    extremes,
    orthogonal_start,
    penalty,
    replace_padding,
)
from jaxpad.regularizers import lorth
from jaxpad.spectral import conv_matrix
from tests.operators import residual_of


LORTH = "lorth(weight=1.0)"


def ours(*features, kind: Any = Conv, **options: Any) -> Any:
    return kind(*features, (3, 3), rngs=nnx.Rngs(0), **options)


flax = functools.partial(ours, kind=nnx.Conv)
transposed = functools.partial(ours, kind=ConvTranspose)
flax_transposed = functools.partial(ours, kind=nnx.ConvTranspose)
resized = functools.partial(ours, kind=ResizeConv)


def matrix(layer: Any, size: tuple[int, ...], channels: int) -> np.ndarray:
    """The matrix of a layer's call on images of a size; of an affine one its part."""
    x = jnp.zeros((1, *size, channels))
    found = np.asarray(jax.jacobian(layer)(x))
    return found.reshape(-1, x.size)


LAYERS: dict[str, Any] = {
    "zero": lambda: ours(2, 3),
    "half": lambda: ours(2, 3, strides=2, amount="half"),
    "reflect": lambda: ours(3, 2, padding="reflect"),
    "partial": lambda: ours(2, 2, padding="partial", amount="half"),
    "valid": lambda: ours(3, 2, padding="valid"),
    "circular": lambda: ours(2, 4, strides=(1, 2), padding="circular"),
    "mixed": lambda: ours(2, 2, padding=("circular", "replicate")),
    "groups": lambda: ours(4, 6, feature_group_count=2, kernel_dilation=2),
    "no bias": lambda: ours(1, 2, use_bias=False, amount="full"),
    "constant": lambda: ours(2, 2, padding="constant(value=3.0)"),
    "learned": lambda: ours(2, 2, padding="learned_extrapolation"),
    "flax SAME": lambda: flax(2, 3, strides=2, padding="SAME"),
    "flax VALID": lambda: flax(3, 2, padding="VALID"),
    "flax CIRCULAR": lambda: flax(2, 4, strides=2, padding="CIRCULAR"),
    "flax REFLECT": lambda: flax(2, 3, padding="REFLECT"),
    "flax int": lambda: flax(2, 3, padding=1, kernel_dilation=2),
    "flax pairs": lambda: flax(2, 3, padding=((0, 2), (1, 0))),
    "flax groups": lambda: flax(4, 2, feature_group_count=2),
    "resize": lambda: resized(2, 2),
    **{
        f"{name}, {turned}": functools.partial(make, transpose_kernel=turned)
        for turned in (False, True)
        for name, make in {
            "T zero": functools.partial(transposed, 3, 2, strides=2),
            "T replicate": functools.partial(transposed, 2, 3, padding="replicate"),
            "T half": functools.partial(
                transposed, 2, 3, strides=2, amount="half", output_padding=1
            ),
            "T groups": functools.partial(
                transposed, 2, 4, feature_group_count=2, padding="circular"
            ),
            "flax T SAME": functools.partial(flax_transposed, 3, 2, strides=2),
            "flax T CIRCULAR": functools.partial(
                flax_transposed, 2, 3, strides=(2, 1), padding="CIRCULAR"
            ),
            "flax T int": functools.partial(flax_transposed, 2, 3, padding=1),
        }.items()
    },
}


@pytest.mark.parametrize("name", LAYERS)
def test_penalty_is_the_residual_of_the_layer_itself(name: str):
    layer, size = LAYERS[name](), (5, 6) if "T " in name else (6, 8)
    total, table = penalty(
        nnx.Sequential(layer), [("0$", LORTH)], sizes={"layers/0": size}
    )
    if name == "resize":  # the convolution that sees the enlarged image
        size, kernel = (12, 16), layer.kernel[...]
        layer = ours(2, 2, kernel_init=lambda *_: kernel)
    out = jax.eval_shape(layer, jnp.zeros((1, *size, layer.in_features))).shape[1:3]
    cells = math.prod(size if "T " in name else out)
    expected = residual_of(matrix(layer, size, layer.in_features)) / cells
    assert expected > 0.1
    np.testing.assert_allclose(table["layers/0"], expected, rtol=2e-5)
    np.testing.assert_array_equal(total, table["layers/0"])


class Net(nnx.Module):
    """A user's own, with a layer in two places and some that are no concern."""

    def __init__(self, rngs: nnx.Rngs):
        self.stem = nnx.Conv(1, 4, (3, 3), rngs=rngs)
        options = {"padding": "reflect", "kernel_dilation": 2}
        self.shared = Conv(4, 4, (3, 3), rngs=rngs, **options)
        self.tied = nnx.List([self.shared])
        self.edge = EdgeConv(4, 4, (3, 3), rngs=rngs)
        self.exact = OrthogonalConv(4, 4, (3, 3), rngs=rngs)
        self.down = Conv(4, 8, (3, 3), 2, rngs=rngs)
        self.up = ConvTranspose(8, 4, (3, 3), 2, feature_group_count=2, rngs=rngs)
        self.head = nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, x):
        x = self.exact(self.edge(self.tied[0](self.shared(self.stem(x)))))
        return self.head(self.up(self.down(x)))


def net() -> Net:
    return Net(nnx.Rngs(0))


def test_every_layer_once_with_what_is_its_own():
    model = net()
    sizes = {row.path: row.input for row in check(model, (1, 8, 10, 1)).rows}
    total, table = penalty(model, "lorth(weight=0.5)", sizes=sizes)
    up = model.up.kernel[...]
    two = {"stride": 2, "padding": "zero"}
    reflect = {"padding": "reflect", "dilation": 2, "size": (8, 10)}
    expected = {
        "stem": lorth(model.stem.kernel[...], padding="zero", size=(8, 10)),
        "shared": lorth(model.shared.kernel[...], **reflect),
        "down": lorth(model.down.kernel[...], size=(8, 10), **two),
        # Its kernel slides, so that of the adjoint is reversed.
        "up": lorth(up[::-1, ::-1], groups=2, size=(4, 5), transpose=True, **two),
    }
    assert set(table) == set(expected)
    for path, value in expected.items():
        np.testing.assert_allclose(table[path], value, rtol=1e-6, err_msg=path)
    np.testing.assert_allclose(total, 0.5 * sum(expected.values()), rtol=1e-6)
    assert total.dtype == jnp.float32
    without = penalty(model, LORTH)[1]
    np.testing.assert_allclose(without["shared"], lorth(model.shared.kernel[...]))
    assert abs(float(without["shared"] - table["shared"])) > 0.01


def test_jit_and_grad_are_those_of_the_kernels():
    model = net()
    rules = [("^stem", "lorth(weight=0.5)"), ("up", "lorth(weight=2.0)")]

    def total(model):
        return penalty(model, rules, sizes={"stem": (8, 8)})[0]

    np.testing.assert_allclose(nnx.jit(total)(model), total(model), rtol=1e-6)
    grads = nnx.to_pure_dict(nnx.jit(nnx.grad(total))(model))
    stem = jax.grad(lambda k: 0.5 * lorth(k, padding="zero", size=8))
    up = jax.grad(lambda k: 2 * lorth(k, stride=2, groups=2, transpose=True))
    np.testing.assert_allclose(
        grads["stem"]["kernel"], stem(model.stem.kernel[...]), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        grads["up"]["kernel"][::-1, ::-1],
        up(model.up.kernel[::-1, ::-1]),
        rtol=1e-4,
        atol=1e-6,
    )
    assert not grads["shared"]["kernel"].any()
    assert not grads["stem"]["bias"].any()


@pytest.mark.parametrize("mode", ["learned_constant", "random"])
def test_a_mode_that_holds_something_counts_as_zeros(mode: str):
    layer: Any = Conv(2, 2, (3, 3), padding=mode, rngs=nnx.Rngs(0))
    if mode == "learned_constant":
        layer.padding.mode.value[...] = jnp.array([4.0, 5.0])
    before = jax.tree.leaves(nnx.state(layer))
    for size in ((6, 7), (512, 512)):  # far beyond what a dense matrix is made for
        found, zeros = (
            penalty(m, LORTH, sizes={"Conv": size})[0]
            for m in (layer, replace_padding(layer, "zero"))
        )
        np.testing.assert_allclose(found, zeros, rtol=1e-6)
        assert abs(found - penalty(layer, LORTH)[0]) > 1e-3
    for old, new in zip(before, jax.tree.leaves(nnx.state(layer)), strict=True):
        assert jnp.array_equal(old, new), "it has drawn a key"


def test_the_first_rule_that_fits_decides():
    model = net()
    first = penalty(model, [("stem", ""), ("s|down", LORTH)])[1]
    assert set(first) == {"shared", "down"}
    other = [("down", "kernel_orthogonality(weight=1.0)"), ("n|up", LORTH)]
    values = penalty(model, other)[1]
    assert set(values) == {"down", "up"}
    down = model.down.kernel[...].reshape(-1, 8)
    np.testing.assert_allclose(values["down"], residual_of(np.asarray(down)), rtol=1e-5)


def test_options_replace_what_the_layer_has():
    layer = ours(2, 4, strides=2, padding="replicate", amount="full")
    rule = "lorth(weight=1.0, padding='circular')"
    found = penalty(layer, rule, sizes={"Conv": (7, 6)})[0]
    expected = lorth(
        layer.kernel[...], stride=2, padding="circular", size=(7, 6), amount="full"
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # The layer's amount stays: with "same" there would be other windows.
    assert abs(found - lorth(layer.kernel[...], stride=2, size=(7, 6))) > 1e-3


def taps(kernel, stride, *, factor=1):
    """A user's regularizer, which asks for two things only."""
    return factor * jnp.float32(kernel.size + stride[0])


def test_a_regularizer_of_the_user_is_told_what_it_asks_for():
    found = penalty(net(), [("down", f"{__name__}:taps(weight=0.5, factor=3)")])
    assert found[1] == {"down": 3 * (9 * 4 * 8 + 2)}
    assert float(found[0]) == 0.5 * found[1]["down"]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            [("head", LORTH)],
            r"\['head'\] decide about no .*paths are down, s",
        ),
        ([("", LORTH), ("up", LORTH)], r"the rules for \['up'\] decide about no"),
        ([("exact|edge", LORTH)], "decide about no convolution"),
        ("lort(weight=1.0)", "unknown regularizer 'lort'. Did you mean 'lorth'"),
        ("lorth", r'\'lorth\': expected a weight, .*"lorth\(weight=0.1\)"'),
        ("lorth(weight='1')", "expected a weight, a number"),
        ("lorth(weight=True)", "expected a weight, a number"),
        ("lorth(weight=1.0, paddig=1)", "has no option 'paddig'; it takes .*padding"),
        ("lorth(0.1)", "cannot read regularizer"),
        ("lorth(weight=1.0, padding='zeros')", "regularizer of down: unknown padding"),
        ([("(", LORTH)], "the rule '.' is no regex"),
        ("no.module:f(weight=1.0)", "cannot import regularizer"),
    ],
)
def test_mistakes_are_named(rules: Any, message: str):
    with pytest.raises(ValueError, match=message):
        penalty(net(), rules)


def test_a_size_that_no_mode_can_pad_is_named_with_the_layer():
    with pytest.raises(ValueError, match=r"regularizer of shared: .*reflect"):
        penalty(net(), [("shared", LORTH)], sizes={"shared": (1, 1)})


def test_a_layer_of_flax_that_jaxpad_has_not():
    model = nnx.List([flax(1, 1, input_dilation=2), flax(1, 1)])
    message = r"0: a Conv with input_dilation .* other paths: \[\(.regex of a path"
    with pytest.raises(ValueError, match=message):
        penalty(model, LORTH)
    assert list(penalty(model, [("0", ""), ("1", LORTH)])[1]) == ["1"]


def test_an_infeasible_layer_is_named_by_its_path_once():
    make = functools.partial(Conv, kernel_size=(1, 1), strides=2, rngs=nnx.Rngs(0))
    model = nnx.Dict(trunk=net(), narrow_shortcut=make(4, 8))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            penalty(model, [("shortcut|stem", LORTH)])
    (warning,) = caught
    assert "lorth of narrow_shortcut cannot reach 0: a 1x1" in str(warning.message)
    assert "kernel_size >= stride" in str(warning.message)


@pytest.mark.parametrize("name", [n for n in LAYERS if n != "resize"])
def test_extremes_are_those_of_the_torus(name: str):
    """Of the layer itself, made circular, on the smallest image that is enough."""
    layer = LAYERS[name]()
    ((largest, least),) = extremes(layer, LORTH).values()
    torus = replace_padding(layer, Padding("circular", amount="same"))
    if "T " in name:
        torus.output_padding = (0, 0)
        size = (5, 5)
    else:
        size = tuple(5 * s for s in torus.strides)
    values = np.linalg.svd(matrix(torus, size, torus.in_features), compute_uv=False)
    np.testing.assert_allclose(largest, values[0], rtol=1e-4)
    np.testing.assert_allclose(least, values[-1], atol=1e-4)


@pytest.mark.parametrize(
    ("dilation", "stride", "windows"), [(2, 1, 5), (5, 1, 6), (10, 1, 7), (5, 2, 6)]
)
def test_extremes_of_dilated_kernels(dilation: int, stride: int, windows: int):
    """Taps that lie a torus apart are not one tap: dilation only permutes the cells."""
    layer = Conv(2, 3, (3,), stride, kernel_dilation=dilation, rngs=nnx.Rngs(0))
    ((largest, least),) = extremes(layer, LORTH).values()
    dense = conv_matrix(layer.kernel[...], windows * stride, stride=stride)
    values = np.linalg.svd(dense, compute_uv=False)
    np.testing.assert_allclose(largest, values[0], rtol=1e-5)
    np.testing.assert_allclose(least, values[-1], rtol=1e-4)


def test_a_direction_that_is_lost_has_the_singular_value_0():
    """Two inputs, of which dilation and stride together skip every second cell."""
    layer = Conv(2, 3, (3,), 2, kernel_dilation=2, rngs=nnx.Rngs(0))
    ((_, least),) = extremes(layer, LORTH).values()
    np.testing.assert_allclose(least, 0, atol=1e-5)


@pytest.mark.slow
def test_square_layers_begin_orthogonal():
    model = nnx.Dict(
        plain=ours(4, 4),
        strided=ours(2, 8, strides=2),
        flax=flax(4, 4, feature_group_count=2),
        even=nnx.Conv(4, 4, (4, 2), rngs=nnx.Rngs(0)),
        up=transposed(8, 2, strides=2),
        turned=flax_transposed(8, 2, strides=2, transpose_kernel=True),
        wide=ours(4, 3),
        high=transposed(2, 4),
        other=ours(4, 4),
        left=ours(4, 4),
    )
    rules = [
        ("other", "kernel_orthogonality(weight=1.0)"),
        ("left", ""),
        ("", LORTH),
    ]
    before = jax.tree.map(jnp.copy, nnx.state(model))
    new = orthogonal_start(model, rules, rngs=nnx.Rngs(1))
    kept = {"wide", "high", "other", "left"}
    for path in model:
        old, now = model[path], new[path]
        np.testing.assert_array_equal(old.bias[...], now.bias[...])
        same = np.array_equal(old.kernel[...], now.kernel[...])
        assert same == (path in kept), path
    for circular in (False, True):
        tried = replace_padding(new, "circular") if circular else new
        sizes = dict.fromkeys(model, (6, 8))
        table = penalty(tried, rules, sizes=sizes)[1]
        for path in set(table) - kept:
            assert float(table[path]) < 1e-9, path
        assert float(table["wide"]) > 0.01
    for old, now in zip(
        jax.tree.leaves(before), jax.tree.leaves(nnx.state(model)), strict=True
    ):
        assert jnp.array_equal(old, now), "the model that came has changed"


def test_the_start_is_of_its_keys():
    first, again, other = (
        orthogonal_start(ours(4, 4), LORTH, rngs=nnx.Rngs(seed)).kernel[...]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_square_is_not_enough_where_none_exists():
    layer = Conv(2, 8, (1, 1), 2, rngs=nnx.Rngs(0))
    new = orthogonal_start(layer, LORTH, rngs=nnx.Rngs(1))
    np.testing.assert_array_equal(new.kernel[...], layer.kernel[...])
