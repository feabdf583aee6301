"""Schedules and optimizer chains by name."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxpad.layers import Conv, EdgeConv
from jaxpad.train import SCHEDULES, optimizer_chain
from jaxpad.train.optim import decay_mask


PARAMS = {"kernel": jnp.full((2, 2), 2.0), "bias": jnp.full((2,), 2.0)}
GRADS = {"kernel": jnp.full((2, 2), 0.5), "bias": jnp.full((2,), -1.0)}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_warms_up_linearly_then_falls(name: str):
    rate = SCHEDULES[name](0.4, 100, 10)
    rates = np.asarray([rate(t) for t in range(101)])
    np.testing.assert_allclose(rates[:11], 0.4 * np.arange(11) / 10, rtol=1e-6)
    assert np.all(np.diff(rates[10:]) <= 1e-9)
    assert rates[-1] < 0.01 * rates.max()


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_without_warm_up_begins_at_the_peak(name: str):
    np.testing.assert_allclose(SCHEDULES[name](0.4, 100, 0)(0), 0.4, rtol=1e-6)


def test_cosine_equals_its_formula():
    rate = SCHEDULES["cosine"](1.0, 50, 10)
    t = np.arange(10, 51)
    expected = 0.5 * (1 + np.cos(np.pi * (t - 10) / 40))
    np.testing.assert_allclose(np.asarray([rate(s) for s in t]), expected, atol=1e-6)


def test_steps_that_fall_together_both_count():
    """In a run of 4 steps 0.3 and 0.35 are the same step."""
    rate = SCHEDULES["step"](1.0, 4, 0, at=(0.3, 0.35, 0.9))
    rates = np.asarray([rate(t) for t in range(5)])
    np.testing.assert_allclose(rates, [1, 0.01, 0.01, 0.01, 0.001], rtol=1e-5)


def test_poly_equals_its_formula():
    rate = SCHEDULES["poly"](0.01, 50, 10)
    t = np.arange(10, 51)
    expected = 0.01 * (1 - (t - 10) / 40) ** 0.9
    np.testing.assert_allclose(np.asarray([rate(s) for s in t]), expected, atol=1e-8)
    # As mmsegmentation's, whose factor falls to a smallest rate.
    rate = SCHEDULES["poly"](0.01, 40_000, 0, final=0.01)
    expected = (0.01 - 1e-4) * (1 - 123 / 40_000) ** 0.9 + 1e-4
    np.testing.assert_allclose(rate(123), expected, rtol=1e-6)


def norm(x: np.ndarray) -> float:
    return float(np.sqrt((x * x).sum()))


def as_numpy(tree: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(tree["kernel"], float), np.asarray(tree["bias"], float)


def one_step(spec: str, rate: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    chain = optimizer_chain([spec], lambda count: rate)
    found: Any = chain.update(GRADS, chain.init(PARAMS), PARAMS)
    return as_numpy(found[0])


def test_lars_equals_its_formula_for_kernels_and_sgd_for_biases():
    """The trust ratio, too, is for kernels only, as in the published recipes."""
    kernel, bias = one_step(
        "lars(weight_decay=0.5, momentum=0.9, trust_coefficient=0.02)"
    )
    (w, _), (g, b) = as_numpy(PARAMS), as_numpy(GRADS)
    decayed = g + 0.5 * w
    np.testing.assert_allclose(
        kernel, -0.1 * 0.02 * norm(w) / norm(decayed) * decayed, rtol=1e-5
    )
    np.testing.assert_allclose(bias, -0.1 * b, rtol=1e-5)


def test_adamw_equals_its_formula():
    kernel, bias = one_step("adamw(weight_decay=0.5, b1=0.8, b2=0.9)")
    (w, _), (g, b) = as_numpy(PARAMS), as_numpy(GRADS)
    # After one step the moments, without their bias, are g and g^2.
    np.testing.assert_allclose(kernel, -0.1 * (np.sign(g) + 0.5 * w), rtol=1e-5)
    np.testing.assert_allclose(bias, -0.1 * np.sign(b), rtol=1e-5)


def test_lamb_equals_its_formula():
    kernel, bias = one_step("lamb(weight_decay=0.5, b1=0.8, b2=0.9)")
    (w, v), (g, b) = as_numpy(PARAMS), as_numpy(GRADS)
    decayed = np.sign(g) + 0.5 * w
    expected = -0.1 * norm(w) / norm(decayed) * decayed
    np.testing.assert_allclose(kernel, expected, rtol=1e-5)
    expected = -0.1 * norm(v) / norm(np.sign(b)) * np.sign(b)
    np.testing.assert_allclose(bias, expected, rtol=1e-5)


class Parts(nnx.Module):
    """One of every kind of parameter that recipes treat differently."""

    def __init__(self, rngs: nnx.Rngs):
        self.conv = Conv(3, 4, (3, 3), rngs=rngs)
        self.edge = EdgeConv(3, 4, (3, 3), rngs=rngs)
        self.batch_norm = nnx.BatchNorm(4, rngs=rngs)
        self.layer_norm = nnx.LayerNorm(4, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(2, 4, rngs=rngs, decode=False)
        self.embed = nnx.Embed(5, 4, rngs=rngs)
        self.position_embedding = nnx.Param(jnp.zeros((1, 7, 4)))
        self.pos_embed = nnx.Param(jnp.zeros((1, 7, 4)))
        self.class_token = nnx.Param(jnp.zeros((1, 1, 4)))
        self.layer_scale = nnx.Param(jnp.zeros((1, 1, 1, 4)))
        self.blocks = nnx.List([nnx.Linear(4, 4, rngs=rngs)])


def test_what_decays_in_a_model():
    """Attention's biases have two axes: the number of axes alone is no rule."""
    params = nnx.state(Parts(nnx.Rngs(0)), nnx.Param)
    leaves, _ = jax.tree_util.tree_flatten_with_path(decay_mask(params))
    by_name = {
        jax.tree_util.keystr(path, simple=True, separator="/"): decays
        for path, decays in leaves
    }
    decayed = {path.removesuffix("/value") for path, yes in by_name.items() if yes}
    heads = {f"attention/{name}/kernel" for name in ("query", "key", "value", "out")}
    own = {"conv/kernel", "edge/kernels", "blocks/0/kernel", "embed/embedding"}
    assert decayed == own | heads
    kept = {path.removesuffix("/value") for path, yes in by_name.items() if not yes}
    assert {"attention/value/bias", "batch_norm/scale", "layer_norm/bias"} <= kept
    assert len(by_name) == len(jax.tree.leaves(params))


def test_mask_is_that_of_the_options_if_they_say_so():
    kernel, bias = one_step("adamw(weight_decay=0.5, mask=None)")
    np.testing.assert_allclose(bias, -0.1 * (-1 + 0.5 * 2), atol=1e-6)
    assert np.all(kernel < -0.1)


def test_chain_equals_optax_by_hand():
    names = ["add_decayed_weights(weight_decay=0.1)", "sgd(momentum=0.9)"]
    named = optimizer_chain(names, lambda count: 0.5)
    by_hand = optax.chain(
        optax.add_decayed_weights(0.1, mask={"kernel": True, "bias": False}),
        optax.sgd(0.5, momentum=0.9),
    )
    states = [named.init(PARAMS), by_hand.init(PARAMS)]
    for _ in range(3):
        one, states[0] = named.update(GRADS, states[0], PARAMS)
        two, states[1] = by_hand.update(GRADS, states[1], PARAMS)
        chex.assert_trees_all_close(one, two, rtol=1e-6)


def test_biases_do_not_decay():
    chain = optimizer_chain(["adamw(weight_decay=0.5)"], lambda count: 0.1)
    zeros = {name: jnp.zeros_like(grad) for name, grad in GRADS.items()}
    found: Any = chain.update(zeros, chain.init(PARAMS), PARAMS)
    updates = found[0]
    np.testing.assert_allclose(updates["bias"], 0, atol=1e-7)
    np.testing.assert_allclose(updates["kernel"], -0.1, rtol=1e-5)


def test_import_from_elsewhere():
    chain = optimizer_chain(["optax.contrib:muon()"], lambda count: 0.1)
    assert chain.init(PARAMS)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["sgdd()"], "'sgdd' is no function of optax. Did you mean 'sgd'"),
        (["sgd(momentun=0.9)"], "momentun"),
        (["add_decayed_weights(weight_decay=0.1)"], "nothing in this chain takes"),
        (["sgd(0.1)"], "options by name"),
        (["sgd(learning_rate=0.5)"], "write it as config.learning_rate"),
        (["nowhere:sgd"], "cannot import optimizer 'nowhere:sgd'"),
        (["contrib"], "'contrib' is no function of optax"),
        (["__init__(name='x')"], "'__init__' is no function of optax"),
        ([r"sgd(momentum=0.9, accumulator_dtype='\ud800')"], r"^[\"']sgd\(momentum"),
        (
            [
                "exponential_decay(init_value=1, transition_steps=1, decay_rate=1)",
                "sgd",
            ],
            r"decay_rate=1\)' is no optimizer: what it gives has no init and update",
        ),
    ],
)
def test_mistakes_are_named(names: list[str], message: str):
    with pytest.raises(ValueError, match=message):
        optimizer_chain(names, lambda count: 0.1)
