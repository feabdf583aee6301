"""One network of one arm and seed: its loss on test texts over those it has read."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax
from arms import ARMS, Arm, batches_of, following, most_tokens, read, test_batches
from flax import nnx
from networks import Reader

from jaxpad.batching import token_loss


EPOCHS, POINTS = 1, 8  # of the curve
RATE, WARMUP = 3e-3, 0.05


def optimizer(steps: int) -> optax.GradientTransformation:
    warmup = max(1, round(WARMUP * steps))
    rate = optax.warmup_cosine_decay_schedule(0.0, RATE, warmup, steps)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate))


def network(seed: int) -> tuple[Any, Any]:
    """Its graph, and its parameters before training: those of a seed are the same."""
    return nnx.split(Reader(257, nnx.Rngs(seed)))


def loss_of(params: Any, batch: Any, *, graph: Any, arm: Arm, cells: int) -> Any:
    """Nats a token, the mean over a batch; and of how many tokens."""
    seen, rows, told = read(batch, arm, cells)
    scores = nnx.merge(graph, params)(seen, rows).values
    tokens, there = following(told)
    losses = optax.softmax_cross_entropy_with_integer_labels(scores, tokens)
    return token_loss(losses, told, weights=there), there.sum(dtype=jnp.float32)


def stepper(arm: Arm, seed: int, epochs: float = EPOCHS) -> tuple[Any, Any, Any, int]:
    """The batches, the jitted step, what it begins with, and how many there are."""
    batches = batches_of(arm, seed)
    steps = round(epochs * batches.steps_per_epoch)
    graph, params = network(seed)
    opt = optimizer(steps)
    cells = most_tokens(batches, steps) if arm.flat else 0
    loss = functools.partial(loss_of, graph=graph, arm=arm, cells=cells)

    def step(state: Any, batch: Any) -> tuple[Any, Any]:
        params, averages = state
        (value, _), grads = jax.value_and_grad(loss, has_aux=True)(params, batch)
        updates, averages = opt.update(grads, averages, params)
        return (optax.apply_updates(params, updates), averages), value

    return batches, jax.jit(step, donate_argnums=0), (params, opt.init(params)), steps


def cells_of(batch: Any) -> dict[str, jax.Array]:
    """What a step reads of a batch."""
    return {name: jnp.asarray(batch[name]) for name in ("tokens", "segment_ids")}


def tester(seed: int) -> Any:
    """From parameters to nats a token of the test texts, each alone in its row."""
    batches = test_batches()
    graph, _ = network(seed)
    one = functools.partial(loss_of, graph=graph, arm=ARMS["padded"], cells=0)
    one = jax.jit(one)
    parts = [cells_of(batches[n]) for n in range(len(batches))]

    def test(params: Any) -> float:
        found = [one(params, part) for part in parts]
        total = sum(float(count) for _, count in found)
        return sum(float(mean) * float(count) for mean, count in found) / total

    return test


def train(name: str, seed: int, epochs: float = EPOCHS) -> dict[str, Any]:
    """Trains one; its curve is of the texts read so far and nats a token.

    Raises:
        FloatingPointError: if a loss is not finite.
    """
    batches, step, state, steps = stepper(ARMS[name], seed, epochs)
    test = tester(seed)
    marks = {round(steps * (i + 1) / POINTS) for i in range(POINTS)}
    curve, texts = [], 0
    for number in range(steps):
        batch = batches[number]
        texts += int(((batch["segment_ids"] > 0) & (batch["positions"] == 0)).sum())
        state, _ = step(state, cells_of(batch))
        if number + 1 in marks:
            curve.append([texts, round(test(state[0]), 5)])
            if not jnp.isfinite(curve[-1][1]):
                raise FloatingPointError(f"{name}, seed {seed}: the loss is not finite")
    return {
        "loss": curve[-1][1],
        "curve": curve,
        "steps": steps,
        "texts a step": round(texts / steps, 2),
        "padding": round(batches.padding_share, 4),
    }
