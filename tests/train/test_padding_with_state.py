"""Training with paddings that draw or learn: evaluation repeats, a resume goes on."""

import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxpad.data import EvalBatches
from jaxpad.layers import Conv
from jaxpad.train import Job, build
from jaxpad.train.checkpoint import Checkpoints

from .jobs import small_config


class Tiny(nnx.Module):
    """Two convolutions, the first at stride 2; compiles in a second."""

    def __init__(self, channels, classes, *, padding, dtype, rngs):
        make = functools.partial(Conv, padding=padding, dtype=dtype, rngs=rngs)
        self.convs = nnx.List([make(channels, 4, (3, 3), 2), make(4, 4, (3, 3))])
        self.head = nnx.Linear(4, classes, rngs=rngs)

    def __call__(self, x):
        for conv in self.convs:
            x = nnx.relu(conv(x))
        return self.head(x.mean((1, 2)))


def job_with(padding: str) -> Job:
    return build(small_config(padding=padding, model=f"{__name__}:Tiny"))


def leaves(tree) -> dict[str, np.ndarray]:
    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(
            jax.random.key_data(leaf)
            if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            else leaf
        )
        for path, leaf in flat
    }


@pytest.fixture(scope="module")
def job():
    with jax.numpy_dtype_promotion("standard"):
        return job_with("random")


def test_a_resume_keeps_the_count_of_keys(job, tmp_path: pathlib.Path):
    state = job.init()
    for step in range(2):
        state, _ = job.train_step(state, job.batches[step])
    checkpoints = Checkpoints(tmp_path / "checkpoints", 1)
    checkpoints.save(2, state)
    restored = checkpoints.restore(2, job.placement.plain)
    checkpoints.close()
    counts = {k: v for k, v in leaves(restored).items() if "count" in k and "mode" in k}
    assert len(counts) == 2
    assert set(map(int, counts.values())) == {2}
    ends = [job.train_step(s, job.batches[2])[0] for s in (state, restored)]
    first, second = map(leaves, ends)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], name)


def test_evaluation_does_not_draw(job):
    state = job.init()
    batch = next(iter(EvalBatches(job.dataset, job.batch_size)))
    once, twice = (np.asarray(job.eval_step(state, batch)) for _ in range(2))
    np.testing.assert_array_equal(once, twice)
    zero = job_with("zero")
    np.testing.assert_allclose(zero.eval_step(zero.init(), batch), once, atol=1e-5)


def test_training_draws_anew_at_each_step(job):
    state = job.init()
    after, first = job.train_step(state, job.batches[0])
    # The same images and parameters, with the keys of the next step.
    state = job.init()
    again = type(state)(state.step, state.params, after.stats, state.opt_state)
    _, second = job.train_step(again, job.batches[0])
    assert float(first["loss"]) != float(second["loss"])


def test_learned_paddings_learn():
    for padding in ("learned_constant", "learned_extrapolation"):
        job = job_with(padding)
        state = job.init()
        before = {k: v for k, v in leaves(state.params).items() if "/mode/" in k}
        for step in range(2):  # the first has a learning rate of zero
            state, _ = job.train_step(state, job.batches[step])
        after = leaves(state.params)
        assert len(before) == 2
        assert all(np.any(after[name] != value) for name, value in before.items())
