"""Language: how the loss of each token is weighed, and what is counted."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float

from ..batching import Ragged, ragged, sequence_loss, sum_per_sequence, token_loss
from ..data import TextBatch
from ..registry import Registry
from ..typing import Array
from .objectives import shapes_of


# From losses by cell, the batch and its weights to the mean, and over how much it is.
LOSSES: Registry[Callable[..., tuple[Array, Array]]] = Registry("loss")


@LOSSES.register
def token(
    losses: Array, batch: Ragged, weights: Array
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The mean over tokens: long texts weigh more."""
    loss = token_loss(losses, batch, weights=weights)
    return loss, jnp.sum(weights & batch.real, dtype=jnp.float32)


@LOSSES.register
def sequence(
    losses: Array, batch: Ragged, weights: Array
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The mean over texts of their means: every text weighs the same."""
    loss = sequence_loss(losses, batch, weights=weights)
    counts = sum_per_sequence((weights & batch.real).astype(jnp.float32), batch)
    return loss, jnp.sum(counts > 0, dtype=jnp.float32)


def check_loss(mean: Callable[..., tuple[Array, Array]]) -> None:
    """Raises unless a loss, such as those of `LOSSES`, gives a mean and its weight.

    Args:
        mean: from losses by cell, a batch and weights.

    Raises:
        ValueError: with what it gives.
    """
    shape = (2, 3)
    ids = jax.ShapeDtypeStruct(shape, jnp.int32)
    losses = jax.ShapeDtypeStruct(shape, jnp.float32)
    told = jax.ShapeDtypeStruct(shape, jnp.bool_)

    def call(losses: Array, ids: Array, told: Array) -> Any:
        return mean(losses, ragged(ids, ids, sequences=ids.size), told)

    found = jax.eval_shape(call, losses, ids, told)
    if shapes_of(found) != [((), jnp.float32)] * 2:
        raise ValueError(
            f"of losses float32{list(shape)} it makes {found}: expected their mean and "
            "over how much it is, two numbers of float32."
        )


def text_loss(
    scores: Float[Array, "rows capacity classes"],
    targets: Ragged,
    smoothing: float,
    *,
    mean: Callable[..., tuple[Array, Array]],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The loss of what was hidden, by a function of `LOSSES`; for `Task.loss`."""
    return mean(_losses(scores, targets), targets, targets.values["told"])


def text_accuracy(
    scores: Float[Array, "rows capacity classes"], targets: Ragged
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The part of hidden tokens that is told right, and how many were hidden."""
    right, told = _right(scores, targets)
    count = told.sum(dtype=jnp.float32)
    return right.sum(dtype=jnp.float32) / jnp.maximum(count, 1), count


def text_said(
    scores: Float[Array, "rows capacity classes"], targets: Ragged, batch: TextBatch
) -> dict[str, Array]:
    """What an evaluation takes from the device: sums, counts, and every answer."""
    right, told = _right(scores, targets)
    tokens = jnp.where(told, targets.values["token"], scores.shape[-1])
    counts = jnp.zeros(scores.shape[-1], jnp.int32)
    return {
        "loss": jnp.sum(jnp.where(told, _losses(scores, targets), 0)),
        "right": jnp.sum(right, dtype=jnp.int32),
        "tokens": counts.at[tokens.reshape(-1)].add(1, mode="drop"),
        "prediction": scores.argmax(-1).astype(jnp.int32),
        "told": told,
    }


def text_counts(batch: TextBatch) -> dict[str, Array]:
    """Of a step, for the log: its sequences and tokens, and how much was padding."""
    there = jnp.asarray(batch["segment_ids"]) > 0
    first = there & (jnp.asarray(batch["positions"]) == 0)
    tokens = there.sum(dtype=jnp.float32)
    return {
        "sequences": first.sum(dtype=jnp.float32),
        "tokens": tokens,
        # Not 1 - tokens / size: a quotient of XLA may be a little more than 1.
        "padding_share": (there.size - tokens) / there.size,
    }


def _losses(scores: Array, targets: Ragged) -> Array:
    tokens = targets.values["token"]
    return optax.softmax_cross_entropy_with_integer_labels(scores, tokens)


def _right(scores: Array, targets: Ragged) -> tuple[Array, Array]:
    told = targets.values["told"]
    right = scores.argmax(-1) == targets.values["token"]
    # Of scores that are no numbers argmax is 0, or wherever the first of them stands.
    return told & right & ~jnp.isnan(scores).any(-1), told


def loss_named(name: str) -> Callable[..., tuple[Array, Array]]:
    """`text_loss` by a name in `LOSSES`."""
    return functools.partial(text_loss, mean=LOSSES.resolve(name))
