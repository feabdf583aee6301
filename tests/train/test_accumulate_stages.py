"""Gradients of parts of a batch are added up in parts of the arrays, at every stage.

The parts must equal the whole also where a gradient is scattered, into the vectors of
words: that is what XLA once compiled wrongly in a loop (openxla/xla#49143).
"""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxpad.conv import target
from jaxpad.sharding import STAGES, Zero, batch_split, data_mesh, zero
from jaxpad.train.accumulate import accumulate
from tests.studies import FOLDER, load

from .test_plan import wide_job


pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="no experiments/ beside")
DEVICES, TEXTS = 8, 32
# Its XLA for CPUs drops barriers before it could heed them.
not_old = pytest.mark.skipif(
    jax.__version_info__ < (0, 11), reason="jax 0.10 holds all gradients to the end"
)


@pytest.fixture(autouse=True)
def _promotion():
    """The decoder of the study relies on it."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def problem() -> tuple[Any, Any, Any]:
    """A decoder's loss, its float32 parameters, and texts on eight devices."""
    decoder = load("zero_memory", "decoder")
    made = decoder.Size(layers=1, width=32, heads=2, words=64, tokens=8)
    like = decoder.parameters(made)
    keys = dict(zip(like, jax.random.split(jax.random.key(0), len(like)), strict=True))
    params = {n: jax.random.normal(keys[n], a.shape) / 8 for n, a in like.items()}
    rng = np.random.default_rng(0)
    words = np.int32(rng.integers(made.words, size=(TEXTS, made.tokens + 1)))

    def loss(params: Any, words: jax.Array) -> jax.Array:
        return decoder.loss(params, words, heads=made.heads)

    return loss, params, jax.device_put(words, batch_split(data_mesh()))


def mean_gradient(split: Zero, loss: Any, parts: int) -> Any:
    """From stored parameters and texts to the loss and the gradients, as added up."""

    def mean(stored: Any, words: jax.Array) -> Any:
        whole = split.whole(stored)

        def of_part(carry: None, part: jax.Array) -> Any:
            value, grads = jax.value_and_grad(loss)(whole, part)
            return carry, (value, split.gradients(grads)), jnp.asarray(float(part.size))

        return accumulate(of_part, None, words, parts)[1]

    return mean


def wide(params: Any, x: jax.Array) -> jax.Array:
    return jnp.mean(jnp.tanh(x @ params["one"]) @ params["two"])


def compiled(stage: int) -> tuple[Any, float]:
    """Memory of a program that adds up gradients, and bytes of the parameters."""
    like = {"one": jnp.ones((64, 4096)), "two": jnp.ones((4096, 8))}
    split = zero(optax.adam(1e-3), like, data_mesh(), stage=stage)
    stored, _ = split.init(like)
    x = jax.device_put(jnp.ones((TEXTS, 64)), batch_split(data_mesh()))
    program = jax.jit(mean_gradient(split, wide, 4)).lower(stored, x).compile()
    return program.memory_analysis(), sum(a.nbytes for a in jax.tree.leaves(like))


@pytest.mark.parametrize("backend", [pytest.param("cpu", marks=not_old), "tpu"])
def test_the_sum_is_held_in_parts(backend: str):
    """As a loop, and as on a CPU without one."""
    with target(backend):
        (one, size), (two, _) = compiled(1), compiled(2)
    spared = size * (1 - 1 / DEVICES)
    found = one.output_size_in_bytes - two.output_size_in_bytes
    assert found == pytest.approx(spared, rel=0.01)
    assert two.temp_size_in_bytes <= one.temp_size_in_bytes * 1.02


def temporary(stage: int, parts: int) -> tuple[int, int]:
    """Bytes beside the arguments of the trainer's step, and of the parameters."""
    job = wide_job(
        zero=stage, parts=parts, model="tests.train.test_plan:Wide(width=4096)"
    )
    step: Any = job.train_step
    program = step.lower(job.placement.stored, job.batch).compile()
    return program.memory_analysis().temp_size_in_bytes, 4 * job.parameters


@not_old
def test_a_training_step_holds_the_sum_in_parts():
    """At stage 1 XLA splits it too, for the update is split; from 2 on it is asked to.

    Without a loop each part's gradients would be held to the end, if nothing was done.
    """
    (whole, size), (split, _), (more, _) = (
        temporary(*case) for case in ((0, 2), (2, 2), (2, 8))
    )
    # Beside the sum, the step holds its parts of what it may leave as it was.
    held = 2 * size / DEVICES
    assert whole - split == pytest.approx(size * (1 - 1 / DEVICES) - held, rel=0.1)
    assert more < 1.02 * split


@pytest.mark.parametrize(
    ("stage", "backend"),
    [
        *(
            pytest.param(stage, "tpu", marks=[] if stage == 3 else pytest.mark.slow)
            for stage in STAGES
        ),
        (2, "cpu"),
    ],
)
def test_parts_equal_the_whole_at_every_stage(stage: int, backend: str):
    """Loss and gradients to 1e-5 of the largest, by float32's rounding of sums."""
    loss, params, words = problem()
    split = zero(optax.adam(1e-3), params, data_mesh(), stage=stage)
    stored, _ = split.init(params)
    expected = jax.jit(jax.value_and_grad(loss))(params, words)
    with target(backend):
        value, grads = jax.jit(mean_gradient(split, loss, 4))(stored, words)
    found = value, split.unpack(grads) if split.stage.gradients else grads
    scale = max(float(jnp.abs(a).max()) for a in jax.tree.leaves(expected))
    chex.assert_trees_all_close(found, expected, rtol=0, atol=1e-5 * scale)
