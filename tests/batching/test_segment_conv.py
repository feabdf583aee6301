"""A convolution over rows is that of each sequence alone, under every mode."""

import functools
import re
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.batching import SEGMENT_MODES, pack_sequences, segment_conv, segment_pool
from jaxpad.batching.borders import borders
from jaxpad.padding import rule_of
from tests.batching.ragged_cases import LAYOUTS, batch_of, one_by_one, sequences
from tests.subjects import ON_THE_SPHERE


@jaxpad.affine
def of_many_cells(i: int, n: int) -> Any:
    """More terms than are written out, and every second cell at once."""
    sign = 1 if i < 0 else -1
    fading = [(sign * 0.5**j, j) for j in range(min(n, 7))]
    return [(0.25, range(0, n, 2)), (0.5, range(n // 2, n)), *fading], 1.0


RULES = [name for name, mode in jaxpad.MODES.items() if rule_of(mode) is not None]
PADDINGS = [
    *RULES,
    "constant(value=2.0)",
    "mean(cells=3)",
    "mean(cells=6)",
    of_many_cells,
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


# The modes that are no rule, with other options too.
FUNCTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "median": ("median", {}),
    "median of 4": ("median", {"cells": 4}),
    "prediction": ("linear_prediction", {}),
    "prediction by 3": ("linear_prediction", {"order": 3, "ridge": 0.1}),
    "distribution": ("distribution", {}),
    "distribution of 4": ("distribution", {"patch": 4}),
    "stretched": ("distribution", {"extension": "interpolate"}),
    "stretched by 1": ("distribution", {"extension": "interpolate", "patch": 1}),
    "zeros": ("random", {}),
    "random": ("random", {"key": jax.random.key(0)}),
    "random, other side": ("random", {"key": jax.random.key(2)}),
    "c2sp": ("c2sp", {}),
    "constants": ("learned_constant", {"value": np.arange(4.0)}),
    "extrapolation": (
        "learned_extrapolation",
        {"weights": np.random.default_rng(2).normal(size=(2, 4))},
    ),
}


# Those that `make slow` runs.
RARE = (
    "median of 4",
    "prediction by 3",
    "distribution of 4",
    "stretched by 1",
    "zeros",
)


def function_of(case: str, **arrays: Any) -> Any:
    name, options = FUNCTIONS[case]
    mode: Any = jaxpad.MODES[name]
    return functools.partial(mode, **{**options, **arrays})


def test_each_mode_of_one_axis_is_tried():
    tried = {*RULES, *(name for name, _ in FUNCTIONS.values())}
    assert tried == set(jaxpad.MODES) - set(ON_THE_SPHERE)
    cases = ("random", "random, other side")
    sides = [jaxpad.pad(jnp.ones(1), (0, 1), function_of(case)) for case in cases]
    assert sides[0].tolist() != sides[1].tolist()


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=[] if c in RARE else pytest.mark.every) for c in FUNCTIONS],
)
def test_modes_that_are_no_rule(case: str):
    assert_function_alone(case, (5, 9, 6), taps=4, amount="same")


@pytest.mark.parametrize("case", FUNCTIONS)
def test_those_at_borders_of_short_sequences(case: str):
    assert_function_alone(case, (1, 2, 3, 4, 11), taps=3, dilation=2, amount="causal")


def assert_function_alone(case: str, lengths: Any, *, taps: int, **options: Any):
    """Values and gradients, in float64: a prediction from few cells is ill-posed."""
    given = FUNCTIONS[case][1].items()
    with jax.enable_x64(True):
        arrays = [a.astype(np.float64) for a in sequences(4, lengths)]
        batch, kernel = batch_of(arrays), kernel_of(taps).astype(float)
        learned = {k: jnp.asarray(v) for k, v in given if isinstance(v, np.ndarray)}

        def packed(x: Any, kernel: Any, learned: Any, batch: Any) -> Any:
            padding, batch = function_of(case, **learned), batch.replace(x)
            found = segment_conv(batch, kernel, padding=padding, **options)
            return jnp.sum(found.values**2), found

        def one_by(arrays: Any, kernel: Any, learned: Any) -> Any:
            padding = function_of(case, **learned)
            found = alone(arrays, kernel, None, padding=padding, **options)
            return sum(jnp.sum(y**2) for y in found), found

        found, (dx, *dshared) = results(packed, batch.values, kernel, learned, batch)
        assert not np.asarray(found.values)[~np.asarray(batch.real)].any()
        long = [a for a in arrays if takes(one_by, [a], kernel, learned)]
        wanted, (dlong, *dwanted) = results(one_by, long, kernel, learned)
        assert_close(one_by_one(found)[-len(long) :], wanted)
        for y in one_by_one(found)[: -len(long)]:
            assert np.isnan(y).any()
        if len(long) == len(arrays):  # else there are numbers that are none
            assert_close(one_by_one(batch.replace(dx)), dlong)
            assert_close(dshared, dwanted)
            assert not np.asarray(dx)[~np.asarray(batch.real)].any()


def results(function: Any, *operands: Any) -> Any:
    program = jax.value_and_grad(function, (0, 1, 2), has_aux=True)
    (_, found), gradients = jax.jit(program)(*operands)
    return found, gradients


def takes(function: Any, *operands: Any) -> bool:
    try:
        jax.eval_shape(function, *operands)
    except ValueError:
        return False
    return True


def assert_close(found: Any, wanted: Any, tolerance: float = 1e-9):
    chex.assert_trees_all_close(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", ["median", "prediction", "extrapolation"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_those_in_every_layout(case: str, layout: str):
    options = {"padding": function_of(case), "amount": "half"}
    arrays, kernel = sequences(), kernel_of(3)
    batch = LAYOUTS[layout](batch_of(arrays))
    found = packed_conv((batch, kernel, None), tuple(options.items()))
    assert_close(one_by_one(found), alone(arrays, kernel, None, **options), 1e-4)


@pytest.mark.parametrize("modes", [("median", "reflect"), ("zero", "distribution")])
def test_another_mode_on_each_side(modes: Any):
    padding = jaxpad.Padding((modes,), reweight="partial")
    arrays, kernel = sequences(), kernel_of(4)
    found = packed_conv((batch_of(arrays), kernel, None), (("padding", padding),))
    assert_close(one_by_one(found), alone(arrays, kernel, None, padding=padding), 1e-5)


def test_any_function_where_lengths_are_known():
    arrays, kernel = sequences(lengths=(5, 9, 5)), kernel_of(4)
    batch, ramp = batch_of(arrays), functools.partial(jnp.pad, mode="linear_ramp")
    options: dict[str, Any] = {"padding": ramp, "bias": jnp.arange(6.0)}

    @jax.jit
    def closed(values: Any) -> Any:
        return segment_conv(batch.replace(values), kernel, **options)

    found = closed(batch.values)
    assert not np.asarray(found.values)[~np.asarray(batch.real)].any()
    assert_close(one_by_one(found), alone(arrays, kernel, **options), 1e-5)
    with pytest.raises(ValueError, match="is a function of lines of a known size, but"):
        packed_conv((batch, kernel, None), (("padding", ramp),))


def test_a_form_of_ones_own(monkeypatch: pytest.MonkeyPatch):
    def largest(x: Any, widths: Any) -> Any:
        return jnp.pad(x, widths, mode="maximum")

    def of_sequences(batch: Any, widths: Any) -> Any:
        return jnp.repeat(segment_pool(batch, "max")[:, None], sum(widths), 1)

    arrays, kernel = sequences(), kernel_of(3)
    call = (batch_of(arrays), kernel, None), (("padding", "largest"),)
    monkeypatch.setitem(jaxpad.MODES._entries, "largest", largest)
    with pytest.raises(
        ValueError, match=r"register a form of yours in .*SEGMENT_MODES"
    ):
        packed_conv(*call)
    monkeypatch.setitem(SEGMENT_MODES._entries, "largest", of_sequences)
    wanted = alone(arrays, kernel, None, padding="largest")
    assert_close(one_by_one(packed_conv(*call)), wanted, 1e-5)


def test_the_table_of_a_mean_is_of_ranges():
    table = borders(jaxpad.MODES["mean"], 1, 2, 2048)
    assert table.cells.shape == (1, 2049, 3)
    assert table.cells[0, :, 2].tolist() == list(range(2049))


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
    ({"padding": "median(cells=0)"}, "cells=0: expected at least 1"),
    ({"padding": "c2sp"}, "c2sp splits the channels into 2 groups"),
    ({"padding": "learned_constant"}, "mode 'learned_constant' has parameters"),
    ({"padding": "linear_prediction"}, "sequence 1 has 1 cells: linear_prediction"),
    ({"padding": "latlon"}, "latlon pads the two space axes of"),
    ({"padding": "healpix"}, "healpix pads the two space axes of"),
    ({"dilation": 0}, "dilation=0"),
    ({"padding": "circlar"}, "Did you mean 'circular'"),
]


@pytest.mark.parametrize(("options", "text"), REFUSED)
def test_refused(options: dict, text: str):
    with pytest.raises(ValueError, match=re.escape(text)):
        segment_conv(BATCH, ONES, **{"amount": (0, 2), **options})


def test_operands_are_checked():
    with pytest.raises(ValueError, match="takes 2 channels per group, but x has 1"):
        segment_conv(BATCH, jnp.ones((3, 2, 1)))
    with pytest.raises(ValueError, match="but the batch holds 2 of them in a tree"):
        segment_conv(BATCH.replace({"a": BATCH.values, "b": BATCH.values}), ONES)
    with pytest.raises(TypeError, match="x has dtype int32"):
        segment_conv(BATCH.replace(BATCH.values.astype(int)), ONES)
