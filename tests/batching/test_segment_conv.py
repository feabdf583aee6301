"""A convolution over rows is that of each sequence alone, under every mode."""

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.batching import pack_sequences, segment_conv
from jaxpad.padding import rule_of
from tests.batching.ragged_cases import LAYOUTS, batch_of, one_by_one, sequences


RULES = [name for name, mode in jaxpad.MODES.items() if rule_of(mode) is not None]
PADDINGS = [
    *RULES,
    "constant(value=2.0)",
    "mean(cells=3)",
    "mean(cells=6)",
    "partial",
    "partial_sqrt",
    jaxpad.Padding((("reflect", "zero"),)),
    jaxpad.Padding((("zero", "circular"),), reweight="partial"),
]
WINDOWS = [
    {"amount": "same", "taps": 4},
    {"amount": "causal", "taps": 3, "dilation": 2},
]


def kernel_of(taps: int, groups: int = 1) -> jax.Array:
    draw = np.random.default_rng(1)
    return jnp.asarray(draw.normal(size=(taps, 4 // groups, 6)), jnp.float32)


@functools.partial(jax.jit, static_argnums=1)
def packed_conv(operands: Any, options: Any) -> Any:
    return segment_conv(*operands[:2], bias=operands[2], **dict(options))


def alone(
    arrays: list[np.ndarray], kernel: Any, bias: Any, **options: Any
) -> list[Any]:
    return [jaxpad.conv(a[None], kernel, bias=bias, **options)[0] for a in arrays]


def assert_alone(layout: str, taps: int, **options: Any):
    arrays, groups = sequences(), options.get("groups", 1)
    kernel, bias = kernel_of(taps, groups), jnp.arange(6.0)
    batch = LAYOUTS[layout](batch_of(arrays))
    found = packed_conv((batch, kernel, bias), tuple(options.items()))
    assert not np.asarray(found.values)[~np.asarray(batch.real)].any()
    wanted = alone(arrays, kernel, bias, **options)
    for a, b in zip(one_by_one(found), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("padding", PADDINGS, ids=str)
@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: w["amount"])
def test_each_mode_at_each_border(padding: Any, window: dict):
    assert_alone("packed", padding=padding, **window)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_every_layout(layout: str):
    assert_alone(layout, 3, padding="reflect", groups=2)


def test_a_window_wider_than_a_row():
    assert_alone("packed", 5, padding="circular", dilation=9)
    assert_alone("packed", 5, padding="partial", dilation=9)


def test_gradients():
    arrays, kernel = sequences(), kernel_of(3)
    batch = batch_of(arrays)
    options: dict[str, Any] = {"padding": "odd_reflect", "amount": "half"}

    def packed(x: Any, kernel: Any) -> Any:
        return jnp.sum(segment_conv(batch.replace(x), kernel, **options).values ** 2)

    def one(x: Any, kernel: Any) -> Any:
        return jnp.sum(jaxpad.conv(x[None], kernel, **options) ** 2)

    dx, dkernel = jax.jit(jax.grad(packed, (0, 1)))(batch.values, kernel)
    each = [jax.grad(one, (0, 1))(jnp.asarray(a), kernel) for a in arrays]
    for a, (b, _) in zip(one_by_one(batch.replace(dx)), each, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(dkernel, sum(d for _, d in each), rtol=1e-4, atol=1e-3)
    assert not np.asarray(dx)[~np.asarray(batch.real)].any()


def test_half_types_are_summed_in_float32():
    arrays = [np.full((3, 300), 1.0, jnp.bfloat16)]
    batch = pack_sequences(arrays, 4)
    y = segment_conv(batch, jnp.ones((3, 300, 1), jnp.bfloat16), padding="replicate")
    assert y.values.dtype == jnp.bfloat16
    assert y.values[0, :3, 0].tolist() == [900.0] * 3


def test_a_sequence_too_short_for_its_mode():
    arrays = sequences(lengths=(2, 9))
    batch, kernel = batch_of(arrays), kernel_of(5)
    with pytest.raises(ValueError, match="sequence 0 has 2 cells: width 2 is too wide"):
        segment_conv(batch, kernel, padding="reflect")
    # Where lengths are not known it gets no numbers, and its neighbour the right ones.
    found = packed_conv((batch, kernel, None), (("padding", "reflect"),))
    short, long = one_by_one(found)
    assert np.isnan(short).all()
    (wanted,) = alone(arrays[1:], kernel, None, padding="reflect")
    np.testing.assert_allclose(long, wanted, rtol=1e-5, atol=2e-5)
    with pytest.raises(ValueError, match="width 20 is too wide for reflect"):
        packed_conv((batch, kernel, None), (("padding", "reflect"), ("dilation", 10)))


BATCH = pack_sequences([[[1.0], [2.0]], [[3.0]]], 4)
ONES = jnp.ones((3, 1, 1))
REFUSED = [
    ({"amount": "valid"}, "a sequence keeps its length only with 2: write amount="),
    ({"padding": "full"}, "amount='full' adds 4 cells"),
    ({"padding": "median"}, "padding mode median is no rule for one cell"),
    ({"dilation": 0}, "dilation=0"),
    ({"padding": "circlar"}, "Did you mean 'circular'"),
]


@pytest.mark.parametrize(("options", "text"), REFUSED)
def test_refused(options: dict, text: str):
    with pytest.raises(ValueError, match=re.escape(text)):
        segment_conv(BATCH, ONES, **options)


def test_operands_are_checked():
    with pytest.raises(ValueError, match="takes 2 channels per group, but x has 1"):
        segment_conv(BATCH, jnp.ones((3, 2, 1)))
    with pytest.raises(ValueError, match="but the batch holds 2 of them in a tree"):
        segment_conv(BATCH.replace({"a": BATCH.values, "b": BATCH.values}), ONES)
    with pytest.raises(TypeError, match="x has dtype int32"):
        segment_conv(BATCH.replace(BATCH.values.astype(int)), ONES)
