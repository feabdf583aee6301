"""The training step: its maths, its dtypes, and the same result on any devices."""

import functools
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxpad.data import AUGMENTS, record_keys
from jaxpad.layers import Conv
from jaxpad.sharding import batch_split, data_mesh, replicated, zero
from jaxpad.train.state import init_state
from jaxpad.train.step import model_of, to_float, train_step
from jaxpad.train.tasks import TASKS


CLASSES = 5


def batch(n: int = 16) -> Any:
    rng = np.random.default_rng(0)
    return {
        "image": rng.integers(0, 256, (n, 8, 8, 1), dtype=np.uint8),
        "label": rng.integers(0, CLASSES, n).astype(np.int32),
        "real": np.ones(n, bool),
        "id": np.stack([np.zeros(n), np.arange(n)], -1).astype(np.uint32),
    }


class Tiny(nnx.Module):
    """A convolution, a batch norm and a head: all that a step can get wrong."""

    def __init__(self, *, dtype: Any, rngs: nnx.Rngs):
        self.conv = Conv(1, 4, (3, 3), padding="partial", dtype=dtype, rngs=rngs)
        self.norm = nnx.BatchNorm(4, momentum=0.9, dtype=dtype, rngs=rngs)
        self.head = nnx.Linear(4, CLASSES, dtype=dtype, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.head(nnx.relu(self.norm(self.conv(x))).mean((1, 2)))


def prepare(batch: Any) -> Any:
    """As the trainer does it: keys of records, an augmentation, targets."""
    keys = record_keys(jax.random.key(0), batch["id"])
    targets = jax.nn.one_hot(batch["label"], CLASSES)
    return AUGMENTS["shift"](to_float(batch["image"]), targets, keys)


def one_device() -> jax.sharding.Mesh:
    auto = (jax.sharding.AxisType.Auto,)
    return jax.make_mesh((1,), ("data",), auto, devices=jax.devices()[:1])


def setup(
    optimizer: Any = None,
    smoothing: float = 0.0,
    dtype: Any = None,
    mesh: Any = None,
    **options: Any,
):
    optimizer = optimizer or optax.sgd(0.1, momentum=0.9)
    model = Tiny(dtype=dtype, rngs=nnx.Rngs(0))
    step = functools.partial(
        train_step,
        graph=nnx.split(model, nnx.Param, ...)[0],
        task=TASKS["classification"],
        prepare=prepare,
        split=zero(
            optimizer, nnx.state(model, nnx.Param), mesh or one_device(), stage=0
        ),
        schedule=optax.constant_schedule(0.1),
        label_smoothing=smoothing,
        **options,
    )
    average = options.get("decay", 0) > 0
    return step, init_state(model, optimizer, average=average)


def test_eight_devices_equal_one_with_batch_statistics():
    step, state = setup()
    alone, logged = jax.jit(step)(state, batch())
    mesh = data_mesh()
    step, state = setup(mesh=mesh)
    assert mesh.size == 8
    shardings = (replicated(mesh), batch_split(mesh))
    split, split_logged = jax.jit(step, in_shardings=shardings)(state, batch())
    assert jax.tree.leaves(split.stats), "the model has batch statistics"
    chex.assert_trees_all_close(split.stats, alone.stats, rtol=1e-5, atol=1e-6)
    chex.assert_trees_all_close(split.params, alone.params, rtol=1e-3, atol=1e-5)
    chex.assert_trees_all_close(split_logged, logged, rtol=1e-4)


def test_statistics_of_one_shard_would_differ():
    """The test above can fail: the first shard alone has other statistics."""
    step, state = setup()
    whole, _ = jax.jit(step)(state, batch())
    shard = {name: value[:2] for name, value in batch().items()}
    part, _ = jax.jit(step)(state, shard)
    with pytest.raises(AssertionError):
        chex.assert_trees_all_close(part.stats, whole.stats, rtol=1e-5, atol=1e-6)


def test_step_is_pure_and_compiles_once():
    step, state = setup()
    state = jax.device_put(state, replicated(one_device()))
    counted = jax.jit(chex.assert_max_traces(lambda *a: step(*a), n=1))
    first, _ = counted(state, batch())
    again, _ = counted(state, batch())
    chex.assert_trees_all_equal(first, again)
    counted(first, batch())


def test_augmentation_changes_with_the_epoch_and_not_with_the_place():
    step, state = setup(optax.sgd(0.0))
    step = jax.jit(step)
    _, first = step(state, batch())
    later = batch()
    later["id"][:, 0] = 1
    _, second = step(state, later)
    assert float(first["loss"]) != float(second["loss"])
    turned = {name: value[::-1] for name, value in batch().items()}
    np.testing.assert_allclose(step(state, turned)[1]["loss"], first["loss"], rtol=1e-5)


def test_parts_of_a_batch_have_its_gradient_but_for_batch_norm():
    step, state = setup(optax.sgd(1.0))
    # Parts hold every second record: with equal ones each has the same statistics.
    twice = {name: np.repeat(value, 2, axis=0) for name, value in batch(8).items()}
    whole, logged = jax.jit(step)(state, twice)
    split, split_logged = jax.jit(setup(optax.sgd(1.0), parts=2)[0])(state, twice)
    chex.assert_trees_all_close(split.params, whole.params, rtol=1e-5, atol=1e-6)
    chex.assert_trees_all_close(split_logged, logged, rtol=1e-5)


def test_the_average_follows_slowly_and_is_what_is_tested():
    step, state = setup(optax.sgd(1.0), decay=0.9)
    assert setup()[1].average is None
    after, _ = jax.jit(step)(state, batch())
    # At the first step the decay is 1 / 10.
    expected = jax.tree.map(
        lambda old, new: 0.1 * old + 0.9 * new, state.params, after.params
    )
    used = {name: step.keywords[name] for name in ("graph", "split")}
    model = model_of(after, **used)
    found = nnx.state(model, nnx.Param)
    chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=1e-7)
    plain = nnx.state(model_of(setup()[1], **used), nnx.Param)
    chex.assert_trees_all_equal(plain, state.params)


def test_clipped_update_has_the_norm_of_the_clip():
    step, state = setup(optax.chain(optax.clip_by_global_norm(0.01), optax.sgd(1.0)))
    after, logged = jax.jit(step)(state, batch())
    moved = jax.tree.map(jnp.subtract, after.params, state.params)
    assert float(logged["grad_norm"]) > 0.01
    np.testing.assert_allclose(optax.tree.norm(moved), 0.01, rtol=1e-3)


def test_label_smoothing_equals_its_formula():
    plain, state = setup(smoothing=0.0)
    smooth, _ = setup(smoothing=0.3)
    plain, smooth = jax.jit(plain), jax.jit(smooth)
    logged, smooth_logged = plain(state, batch())[1], smooth(state, batch())[1]
    # With the target q = (1 - a) onehot + a / K, CE(q) = (1 - a) CE + a mean_k CE_k.
    uniform = (float(smooth_logged["loss"]) - 0.7 * float(logged["loss"])) / 0.3
    all_classes = [
        float(plain(state, batch() | {"label": np.full(16, k, np.int32)})[1]["loss"])
        for k in range(CLASSES)
    ]
    np.testing.assert_allclose(uniform, np.mean(all_classes), rtol=1e-4)


def test_bfloat16_computes_while_parameters_stay_float32():
    step, state = setup(dtype=jnp.bfloat16)
    exact, _ = setup()
    after, logged = jax.jit(step)(state, batch())
    hlo = jax.jit(step).lower(state, batch()).as_text()
    for leaf in jax.tree.leaves((after.params, after.stats)):
        assert leaf.dtype == jnp.float32
    assert "bf16" in hlo
    reference = jax.jit(exact)(state, batch())[1]
    np.testing.assert_allclose(logged["loss"], reference["loss"], rtol=0.05)
