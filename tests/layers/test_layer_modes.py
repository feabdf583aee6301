"""Modes with parameters in layers, and the pooling layers."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxpad
from jaxpad import Padding
from jaxpad.layers import AvgPool, Conv, MaxPool, replace_padding
from tests.padding.test_pad_mixed import Learned
from tests.subjects import PADDING_SPECS, integers, sixteenths


X = integers((2, 5, 6, 3))


def layer_with(padding: Any) -> Conv:
    return Conv(3, 4, (3, 3), padding=padding, kernel_init=sixteenths, rngs=nnx.Rngs(0))


@pytest.mark.parametrize(
    "padding",
    [
        Learned(2.0),
        Padding(Learned(2.0), amount=1),
        (Learned(2.0), "circular"),
        (("zero", Learned(2.0)), "zero"),
    ],
    ids=["mode", "record", "per axis", "per side"],
)
def test_a_mode_s_parameters_belong_to_the_layer(padding: Any):
    layer = layer_with(padding)
    state = nnx.to_pure_dict(nnx.state(layer, nnx.Param))
    values = [v for v in jax.tree.leaves(state) if v.shape == ()]
    assert [float(v) for v in values] == [2.0]
    grads = nnx.grad(lambda layer: jnp.sum(layer(X) ** 2))(layer)
    scalars = [g for g in jax.tree.leaves(grads) if g.shape == ()]
    assert [bool(g != 0) for g in scalars] == [True]


LEARNED = Learned(2.0)


def test_a_mode_named_by_import_belongs_to_the_layer_too():
    layer = layer_with(f"{__name__}:LEARNED")
    assert layer.mode is LEARNED
    assert len(jax.tree.leaves(nnx.state(layer, nnx.Param))) == 3


def test_a_learned_constant_starts_as_that_constant():
    learned, fixed = layer_with(Learned(2.0)), layer_with("constant(value=2.0)")
    chex.assert_trees_all_close(learned(X), fixed(X), rtol=1e-5, atol=1e-5)


def test_an_update_changes_what_the_layer_does():
    layer = layer_with(Learned(2.0))
    before, state = layer(X), jax.tree.map(jnp.copy, nnx.state(layer))
    nnx.update(layer, jax.tree.map(jnp.zeros_like, state))
    assert not np.any(layer(X))
    nnx.update(layer, state)
    chex.assert_trees_all_equal(layer(X), before)
    assert isinstance(layer.mode, Learned)
    layer.mode.value[...] = jnp.array(0.0)
    chex.assert_trees_all_close(layer(X), layer_with("zero")(X), atol=1e-5)


def test_two_layers_may_share_a_mode():
    mode = Learned(2.0)
    model = nnx.List(
        [layer_with(mode), Conv(4, 3, (1, 1), padding=mode, rngs=nnx.Rngs(1))]
    )
    leaves = jax.tree.leaves(nnx.to_pure_dict(nnx.state(model)))
    assert sum(leaf.shape == () for leaf in leaves) == 1


def test_to_a_learned_mode_and_back():
    plain = layer_with("zero")
    learned = replace_padding(plain, Learned(2.0))
    chex.assert_trees_all_close(
        learned(X), layer_with("constant(value=2.0)")(X), rtol=1e-5, atol=1e-5
    )
    assert len(jax.tree.leaves(nnx.state(learned))) == 3
    back = replace_padding(learned, "zero")
    assert len(jax.tree.leaves(nnx.state(back))) == 2
    chex.assert_trees_all_equal(back(X), plain(X))


@pytest.mark.parametrize("padding", PADDING_SPECS)
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_pooling_layers_are_the_functions(padding: str, batch: tuple[int, ...]):
    x = integers((*batch, 5, 6, 3))
    for make, pool in ((MaxPool, jaxpad.max_pool), (AvgPool, jaxpad.avg_pool)):
        layer = make((3, 2), 2, padding=padding, amount=1)
        assert nnx.state(layer) == nnx.State({})
        flat = x.reshape(-1, 5, 6, 3)
        expected = pool(flat, (3, 2), stride=2, padding=padding, amount=1)
        got = layer(x)
        assert got.shape == (*batch, *expected.shape[1:])
        chex.assert_trees_all_equal(got.reshape(expected.shape), expected)


def test_pooling_strides_by_the_window():
    assert MaxPool((2, 3))(jnp.ones((1, 6, 6, 1))).shape == (1, 3, 2, 1)
