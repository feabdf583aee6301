"""Schedules and optimizer chains by name."""

from typing import Any

import chex
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxpad.train import SCHEDULES, optimizer_chain


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
        (["sgdd()"], "optax has no 'sgdd'. Did you mean 'sgd'"),
        (["sgd(momentun=0.9)"], "momentun"),
        (["add_decayed_weights(weight_decay=0.1)"], "nothing in this chain takes"),
        (["sgd(0.1)"], "options by name"),
        (["sgd(learning_rate=0.5)"], "write it as config.learning_rate"),
        (["nowhere:sgd"], "cannot import optimizer 'nowhere:sgd'"),
    ],
)
def test_mistakes_are_named(names: list[str], message: str):
    with pytest.raises(ValueError, match=message):
        optimizer_chain(names, lambda count: 0.1)
