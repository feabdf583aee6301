"""Live bytes against what can be counted by hand, and what a compiler uses."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from jaxpad.train.memory import live_bytes


X = jax.ShapeDtypeStruct((256,), jnp.float32)
KIB = 1024


def chain(x):
    return jnp.sin(jnp.cos(jnp.tanh(x)))


def tree(x):
    a, b, c = jnp.sin(x), jnp.cos(x), jnp.tanh(x)
    return a * b * c


def unused(x):
    jnp.sin(jnp.concatenate([x] * 10))
    return jnp.cos(x)


def scanned(x):
    return jax.lax.scan(lambda c, _: (tree(c), None), x, None, length=5)[0]


@pytest.mark.parametrize(
    ("function", "kib"),
    # The argument, and what is alive beside it at the worst moment.
    [(chain, 1 + 2), (tree, 1 + 4), (unused, 1 + 20), (scanned, 1 + 4)],
)
def test_counted_by_hand(function, kib: int):
    assert live_bytes(function, X) == kib * KIB
    assert live_bytes(jax.jit(function), X) == kib * KIB


def test_like_the_compiler_where_nothing_fuses():
    def loss(weights, x):
        for w in weights:
            x = jnp.dot(x, w)
        return jnp.sum(x * x)

    weights = [jax.ShapeDtypeStruct((128, 128), jnp.float32)] * 6
    x = jax.ShapeDtypeStruct((4096, 128), jnp.float32)
    step = jax.jit(jax.grad(loss))
    found: Any = step.lower(weights, x).compile().memory_analysis()
    used = found.temp_size_in_bytes + found.argument_size_in_bytes
    used += found.output_size_in_bytes - found.alias_size_in_bytes
    assert live_bytes(step, weights, x) == pytest.approx(used, rel=0.25)
