"""Layers on sequences in rows are flax's own layers on each sequence alone."""

import functools
import re
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad.attention import IMPLEMENTATIONS, rope
from jaxpad.batching import (
    Ragged,
    assert_isolated,
    assert_padding_invariant,
    flat,
    pack_sequences,
)
from jaxpad.layers import RNN, STATEFUL, Attention, Conv, GroupNorm
from tests.batching.ragged_cases import LAYOUTS, batch_of, one_by_one, sequences


def attend(causal: bool, rotary: bool) -> Callable[..., Any]:
    """Of flax, in one call, on positions that count from 0."""

    def of(q: Any, k: Any, v: Any, **_: Any) -> Any:
        if rotary:
            positions = jnp.arange(q.shape[1])[None]
            q, k = rope(q, positions), rope(k, positions)
        return nnx.dot_product_attention(q, k, v, is_causal=causal)

    return of


def attentions(seed: int, causal: bool = False, rotary: bool = False) -> Any:
    theirs = nnx.MultiHeadAttention(
        *(2, 4),
        decode=False,
        attention_fn=attend(causal, rotary),
        rngs=nnx.Rngs(seed),
    )
    options: Any = {"causal": causal, "rotary": rope if rotary else None}
    return Attention(2, 4, **options, rngs=nnx.Rngs(seed)), theirs


def convs(flax: str, **options: Any) -> Any:
    ours: Any = {"CIRCULAR": {"padding": "circular"}, "CAUSAL": {"amount": "causal"}}
    made = functools.partial(Conv, 4, 6, 3, rngs=nnx.Rngs(1), **options)
    theirs = nnx.Conv(4, 6, 3, padding=flax, rngs=nnx.Rngs(1), **options)
    return made(**ours.get(flax, {})), theirs


def recurrences(cell: type, reverse: bool) -> Any:
    ours, theirs = (cell(4, 3, rngs=nnx.Rngs(2)) for _ in range(2))
    return RNN(ours, reverse=reverse), nnx.RNN(theirs, reverse=reverse, keep_order=True)


def norms() -> Any:
    return [
        kind(4, 2, epsilon=1e-3, rngs=nnx.Rngs(3))
        for kind in (GroupNorm, nnx.GroupNorm)
    ]


PAIRS: dict[str, Callable[[], Any]] = {
    "conv": functools.partial(convs, "SAME"),
    "circular": functools.partial(
        convs, "CIRCULAR", kernel_dilation=2, feature_group_count=2
    ),
    "causal": functools.partial(convs, "CAUSAL", use_bias=False),
    "attention": functools.partial(attentions, 0),
    "decoder": functools.partial(attentions, 0, causal=True, rotary=True),
    "norm": norms,
    "GRU": functools.partial(recurrences, nnx.GRUCell, False),
    "LSTM": functools.partial(recurrences, nnx.LSTMCell, True),
}


@functools.cache
def pair(name: str) -> tuple[Any, Any]:
    """Our layer and flax's, with the same numbers in biases and scales, too."""
    ours, theirs = PAIRS[name]()
    draw = np.random.default_rng(4)
    for a, b in zip(*map(params_of, (ours, theirs)), strict=True):
        np.testing.assert_array_equal(a[...], b[...])
        numbers = jnp.asarray(draw.normal(size=a.shape), jnp.float32)
        a.set_value(numbers)
        b.set_value(numbers)
    return ours, theirs


def params_of(layer: Any) -> list[Any]:
    return [v for _, v in nnx.to_flat_state(nnx.state(layer, nnx.Param))]


def weights(features: int) -> jax.Array:
    draw = np.random.default_rng(5)
    return jnp.asarray(draw.normal(size=(16, features)), jnp.float32)


def results(layer: Any, loss: Callable[[Any, Any], Any], inputs: Any) -> Any:
    """What a loss says of a layer, and its gradients by parameters and inputs."""
    graph, params, rest = nnx.split(layer, nnx.Param, ...)

    def of(params: Any, inputs: Any) -> Any:
        return loss(nnx.merge(graph, params, rest, copy=True), inputs)

    program = jax.jit(jax.value_and_grad(of, (0, 1), has_aux=True))
    (_, out), (by_params, by_inputs) = program(params, inputs)
    return out, nnx.to_pure_dict(by_params), by_inputs


@functools.cache
def alone(name: str) -> Any:
    def loss(layer: Any, arrays: Any) -> Any:
        out = [layer(a[None])[0] for a in arrays]
        return sum((y * weights(y.shape[-1])[: len(y)]).sum() for y in out), out

    return results(pair(name)[1], loss, sequences())


@pytest.mark.every
@pytest.mark.parametrize("mode", STATEFUL)
def test_modes_with_a_state(mode: str):
    """Each sequence alone, by a layer with the same parameters and the same key."""
    layer = Conv(4, 6, 3, padding=mode, rngs=nnx.Rngs(0, padding=2))
    draw = np.random.default_rng(6)
    for param in params_of(layer):
        param.set_value(jnp.asarray(draw.normal(size=param.shape), jnp.float32))
    batch, arrays = batch_of(sequences()), sequences()

    def packed(layer: Any, x: Any) -> Any:
        y = layer(batch.replace(x)).values
        return jnp.where(batch.real[..., None], y**2, 0).sum(), y

    def one_by(layer: Any, arrays: Any) -> Any:
        out = [nnx.clone(layer)(a[None])[0] for a in arrays]
        return sum((y**2).sum() for y in out), out

    out, by_params, by_values = results(layer, packed, batch.values)
    found = (
        one_by_one(batch.replace(out)),
        by_params,
        one_by_one(batch.replace(by_values)),
    )
    wanted = results(layer, one_by, arrays)
    chex.assert_trees_all_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.every
@pytest.mark.parametrize("name", PAIRS)
def test_parameters_are_flax_s(name: str):
    states = [nnx.to_pure_dict(nnx.state(m, nnx.Param)) for m in PAIRS[name]()]
    chex.assert_trees_all_equal(*states, strict=True)


@pytest.mark.every
@pytest.mark.parametrize("name", PAIRS)
def test_rows_are_each_sequence_alone(name: str):
    assert_alone(name, "packed")


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "packed"])
@pytest.mark.parametrize("name", PAIRS)
def test_so_are_other_layouts(name: str, layout: str):
    assert_alone(name, layout)


def assert_alone(name: str, layout: str):
    batch = LAYOUTS[layout](batch_of(sequences()))
    real = np.asarray(batch.real)

    def loss(layer: Any, x: Any) -> Any:
        y = layer(batch.replace(x)).values
        weighted = y * weights(y.shape[-1])[batch.positions]
        return jnp.where(batch.real[..., None], weighted, 0).sum(), y

    out, by_params, by_values = results(pair(name)[0], loss, batch.values)
    assert not np.asarray(out)[~real].any()
    assert not np.asarray(by_values)[~real].any()
    wanted_out, wanted_params, wanted_values = alone(name)
    found = (
        one_by_one(batch.replace(out)),
        by_params,
        one_by_one(batch.replace(by_values)),
    )
    chex.assert_trees_all_close(
        found, (wanted_out, wanted_params, list(wanted_values)), rtol=2e-5, atol=2e-5
    )


BATCH = pack_sequences(sequences(4, (3, 4, 2)), 8)


@pytest.mark.parametrize("name", PAIRS)
def test_nobody_sees_a_neighbour_or_padding(name: str):
    assert_isolated(pair(name)[0], BATCH)
    assert_padding_invariant(pair(name)[0], BATCH)


def test_attention_of_a_flat_batch_in_rows():
    shapes = []

    def recorded(inputs: Any) -> Any:
        shapes.append(inputs.query.shape[:2])
        return IMPLEMENTATIONS["dense"](inputs)

    options: Any = {"causal": True, "rotary": rope, "implementation": recorded}
    layer = Attention(2, 4, **options, rngs=nnx.Rngs(0))

    def both(batch: Ragged) -> Ragged:
        return layer(flat(batch, 10), batch)

    found = jax.jit(both)(BATCH)
    assert shapes == [(BATCH.rows, BATCH.capacity)]
    assert found.rows == 1
    wanted = one_by_one(jax.jit(layer)(BATCH))
    chex.assert_trees_all_close(one_by_one(found), wanted, rtol=1e-5, atol=1e-5)
    assert_isolated(both, BATCH)


def test_what_stands_in_empty_cells_is_no_number():
    x = jnp.where(BATCH.real[..., None], BATCH.values, jnp.nan)
    for name in PAIRS:
        found = jax.jit(pair(name)[0])(BATCH.replace(x))
        assert np.isfinite(found.values).all(), name


def test_layers_of_arrays_stay_what_they_are():
    x = np.stack(sequences(4, (6, 6)))
    for name in ("conv", "norm"):
        ours, theirs = pair(name)
        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_half_precision():
    rngs = nnx.Rngs(0)
    layers = [
        Attention(2, 4, dtype=jnp.bfloat16, rngs=rngs),
        GroupNorm(4, 2, dtype=jnp.bfloat16, rngs=rngs),
        Conv(4, 4, 3, dtype=jnp.bfloat16, rngs=rngs),
    ]
    for layer in layers:
        assert layer(BATCH).values.dtype == jnp.bfloat16


def conv(*size: int, **options: Any) -> Any:
    return Conv(4, 4, size or 3, rngs=nnx.Rngs(0), **options)


REFUSED = [
    (lambda: conv(3, 3)(BATCH), "kernel_size=(3, 3) has 2 space axes"),
    (lambda: conv(strides=2)(BATCH), "strides=(2,) would change the lengths"),
    (lambda: conv(strategy="strips")(BATCH), "strategy='strips' is for images"),
    (lambda: conv().__call__(BATCH, np.ones((1, 8, 1), bool)), "mask came, but"),
    (lambda: conv(amount="valid")(BATCH), "amount='valid' adds 0 cells"),
    (lambda: conv(padding="cube_sphere")(BATCH), "cube_sphere pads the two space"),
    (
        lambda: Attention(3, 4, rngs=nnx.Rngs(0)),
        "num_heads=3 must divide in_features=4",
    ),
    (lambda: Attention(2, 6, rngs=nnx.Rngs(0))(BATCH), "expected [rows, capacity, 6]"),
]


@pytest.mark.every
@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_refused(call: Any, text: str):
    with pytest.raises(ValueError, match=re.escape(text)):
        call()


def test_a_mask_beside_a_ragged():
    layer: Any = GroupNorm(4, 2, rngs=nnx.Rngs(0))
    with pytest.raises(TypeError, match="leave mask away"):
        layer(BATCH, mask=np.ones((1, 8, 4), bool))
