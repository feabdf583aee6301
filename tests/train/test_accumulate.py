"""Parts of a batch equal the whole; a moving average equals its formula."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxpad.conv import target
from jaxpad.layers import Conv
from jaxpad.sharding import batch_split, data_mesh
from jaxpad.train.accumulate import accumulate
from jaxpad.train.ema import ema_decay, ema_update
from jaxpad.train.segmentation import IGNORE, cross_entropy


N, CLASSES = 16, 3


class Small(nnx.Module):
    """Two convolutions, no batch norm."""

    def __init__(self, rngs: nnx.Rngs):
        self.one = Conv(2, 4, (3, 3), rngs=rngs)
        self.two = Conv(4, CLASSES, (3, 3), padding="circular", rngs=rngs)

    def __call__(self, x):
        return self.two(nnx.relu(self.one(x)))


def problem() -> tuple[Any, Any, Any]:
    """A carry, a batch with masks that are ignored in part, and a part's function."""
    graph, params = nnx.split(Small(nnx.Rngs(0)))
    rng = np.random.default_rng(0)
    label = rng.choice([0, 1, 2, IGNORE], (N, 6, 6), p=[0.1, 0.1, 0.2, 0.6])
    label[:3] = IGNORE  # so that parts count unequally many pixels
    batch = {
        "image": jnp.asarray(rng.normal(size=(N, 6, 6, 2)), jnp.float32),
        "label": jnp.asarray(label, jnp.int32),
    }

    def function(seen, part):
        def loss_of(params):
            logits = nnx.merge(graph, params)(part["image"])
            return cross_entropy(logits, part["label"])

        loss, grads = jax.value_and_grad(loss_of)(params)
        weight = jnp.sum(part["label"] != IGNORE).astype(jnp.float32)
        return seen + 1, (loss, grads), weight

    return jnp.zeros((), jnp.int32), batch, function


@pytest.mark.parametrize("parts", [2, 8])
def test_parts_equal_the_whole(parts: int):
    seen, batch, function = problem()
    _, whole, _ = jax.jit(function)(seen, batch)
    step = jax.jit(lambda b: accumulate(function, seen, b, parts))
    calls, found = step(batch)
    assert calls == parts
    chex.assert_trees_all_close(found, whole, rtol=1e-5, atol=1e-6)
    chex.assert_trees_all_equal_shapes_and_dtypes(found, whole)


def test_update_and_schedule_count_whole_batches():
    """Parts inside a step: clipping, momentum and the schedule see one gradient."""
    seen, batch, function = problem()
    _, (_, whole), _ = jax.jit(function)(seen, batch)
    _, (_, found) = jax.jit(lambda b: accumulate(function, seen, b, 4))(batch)
    chain = optax.chain(
        optax.clip_by_global_norm(0.01),
        optax.sgd(optax.linear_schedule(1.0, 0.0, 10), momentum=0.9),
    )
    state = chain.init(whole)
    one, two = (chain.update(grads, state) for grads in (whole, found))
    chex.assert_trees_all_close(one, two, atol=1e-6)


def test_parts_on_eight_devices_stay_where_they_are():
    seen, batch, function = problem()
    split = batch_split(data_mesh())
    step = jax.jit(lambda b: accumulate(function, seen, b, 2)[1], in_shardings=split)
    compiled = step.lower(batch).compile()
    found = compiled(jax.device_put(batch, split))
    chex.assert_trees_all_close(found, function(seen, batch)[1], rtol=1e-5, atol=1e-6)
    for moved in ("all-gather", "all-to-all", "collective-permute"):
        assert moved not in str(compiled.as_text())


def test_values_have_weights_of_their_own():
    def function(carry, part):
        values = {"one": part.mean(), "more": (part.max(), part.min())}
        return carry, values, {"one": jnp.asarray(1.0), "more": part[0]}

    _, found = accumulate(function, None, jnp.asarray([1.0, 3.0, 5.0, 11.0]), 2)
    # Parts of 1 and 5, and of 3 and 11, which are records 0, 2 and 1, 3.
    expected = {"one": (3 + 7) / 2, "more": ((5 + 33) / 4, (1 + 9) / 4)}
    chex.assert_trees_all_close(found, jax.tree.map(jnp.asarray, expected))


def test_nothing_that_counts_gives_nought():
    def function(carry, part):
        return carry, jnp.mean(part), jnp.zeros(())

    _, found = accumulate(function, None, jnp.ones((4, 2)), 2)
    assert found == 0


@pytest.mark.parametrize("parts", [0, 3])
def test_unequal_parts_are_refused(parts: int):
    with pytest.raises(
        ValueError, match=f"parts={parts} does not divide the batch of 4"
    ):
        accumulate(lambda c, p: (c, p, p), None, jnp.ones(4), parts)


def test_average_equals_its_formula_in_float64():
    rng = np.random.default_rng(0)
    series = rng.normal(size=(50, 3))
    average = {"w": jnp.asarray(series[0], jnp.float32), "count": jnp.asarray(0)}
    expected = series[0].copy()
    for t, values in enumerate(series[1:]):
        decay = min(0.97, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * values
        new = {"w": jnp.asarray(values, jnp.float32), "count": jnp.asarray(t)}
        average = ema_update(average, new, ema_decay(jnp.asarray(t), 0.97))
    np.testing.assert_allclose(average["w"], expected, rtol=1e-5)
    assert average["count"] == 48  # a count is no average


def test_average_moves_when_the_decay_is_near_one():
    """In the form d a + (1 - d) p, float32 would lose the same; but not in bfloat16."""
    average = {"w": jnp.ones(2, jnp.float32), "b": jnp.ones((), jnp.bfloat16)}
    values = {"w": jnp.full(2, 2.0), "b": jnp.full((), 2.0)}
    found = ema_update(average, values, 0.9999)
    np.testing.assert_allclose(found["w"] - 1, 1e-4, rtol=1e-2)
    assert found["b"].dtype == jnp.bfloat16


def test_average_of_a_models_state_keeps_keys_and_statistics():
    model = nnx.Sequential(
        nnx.Conv(2, 3, (3, 3), rngs=nnx.Rngs(0)),
        nnx.BatchNorm(3, rngs=nnx.Rngs(0)),
        nnx.Dropout(0.5, rngs=nnx.Rngs(0)),
    )
    state = nnx.state(model)
    moved = jax.tree.map(
        lambda x: x + 1 if jnp.issubdtype(x.dtype, jnp.floating) else x, state
    )
    found = ema_update(state, moved, 0.5)
    chex.assert_trees_all_equal_shapes_and_dtypes(found, state)
    np.testing.assert_allclose(found["layers"][1]["mean"][...], 0.5)


@pytest.mark.parametrize(("backend", "unroll"), [("cpu", 4), ("tpu", 1)])
def test_parts_are_a_loop_but_on_a_cpu(backend: str, unroll: int):
    """Of the backend that is compiled for, whatever this machine is."""
    with target(backend):
        program = jax.make_jaxpr(
            lambda x: accumulate(lambda c, p: (c, p.sum(), p[0]), None, x, 4)
        )(jnp.ones(8))
    (loop,) = [e for e in program.eqns if e.primitive.name == "scan"]
    assert loop.params["unroll"] == unroll
