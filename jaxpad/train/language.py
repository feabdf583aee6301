"""Masked-language modelling: what is hidden, how it is weighed, and what is counted."""

import functools
import numbers
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float, Int

from ..batching import Ragged, ragged, sequence_loss, sum_per_sequence, token_loss
from ..data import TextBatch, TextDataset
from ..registry import Registry
from ..typing import Array
from .keys import named


# From (tokens, draws, classes, mask) to what the model sees, and the cells whose token
# it has to tell; draws are three numbers from 0 to 1 for each cell.
Objective = Callable[[Array, Array, int, int], tuple[Array, Array]]
OBJECTIVES: Registry[Objective] = Registry("objective")

# From losses by cell, the batch and its weights to the mean, and over how much it is.
LOSSES: Registry[Callable[..., tuple[Array, Array]]] = Registry("loss")


@OBJECTIVES.register
def masked(
    tokens: Int[Array, "rows capacity"],
    draws: Float[Array, "rows capacity 3"],
    classes: int,
    mask: int,
    *,
    rate: float = 0.15,
) -> tuple[Array, Array]:
    """Tells tokens that were hidden: 80% masked, 10% another token, 10% as they were.

    "BERT", Devlin et al., 2019.

    Args:
        tokens: of each cell.
        draws: of each cell, from 0 to 1.
        classes: how many tokens there are.
        mask: the one that hides.
        rate: the part of cells that is told.

    Raises:
        ValueError: for a rate that is none.
    """
    if not isinstance(rate, numbers.Real) or not 0 < rate <= 1:
        raise ValueError(f"rate={rate!r}: expected more than 0 and at most 1.")
    told, how, which = jnp.moveaxis(draws, -1, 0)
    other = jnp.floor(which * classes).astype(tokens.dtype)
    seen = jnp.where(how < 0.8, mask, jnp.where(how < 0.9, other, tokens))
    chosen = told < rate
    return jnp.where(chosen, seen, tokens), chosen


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


def read_objective(
    config: Any, dataset: TextDataset
) -> Callable[[TextBatch], tuple[Ragged, Ragged]]:
    """From a batch to what the model sees, and `token` and `told` of each cell.

    What is hidden of a text depends on the seed, the epoch, the text and the place in
    it, not on the batching: packed or padded, the same tokens are told.

    Args:
        config: with every key.
        dataset: whose tokens they are.
    """
    classes, mask = len(dataset.classes), dataset.mask
    with named("objective", config):
        objective = OBJECTIVES.resolve(config.objective)
        _check_objective(objective, classes, mask)

    def prepare(batch: TextBatch) -> tuple[Ragged, Ragged]:
        tokens = jnp.asarray(batch["tokens"])
        cells = ragged(tokens, batch["segment_ids"], sequences=tokens.size)
        seen, told = objective(tokens, draws(batch), classes, mask)
        told = told & cells.real
        return cells.replace(seen), cells.replace({"token": tokens, "told": told})

    return prepare


def _check_objective(objective: Objective, classes: int, mask: int) -> None:
    """Raises for what gives something else, by shapes alone; options are read, too."""
    shape = (2, 3)
    tokens = jax.ShapeDtypeStruct(shape, jnp.int32)
    numbers = jax.ShapeDtypeStruct((*shape, 3), jnp.float32)
    found = jax.eval_shape(lambda t, d: objective(t, d, classes, mask), tokens, numbers)
    if _shapes(found) != [(shape, jnp.int32), (shape, jnp.bool_)]:
        raise ValueError(
            f"of tokens int32{list(shape)} it makes {found}: expected what the model "
            "sees, tokens of the same shape and type, and which cells are asked for, "
            "booleans of that shape."
        )


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
    if _shapes(found) != [((), jnp.float32)] * 2:
        raise ValueError(
            f"of losses float32{list(shape)} it makes {found}: expected their mean and "
            "over how much it is, two numbers of float32."
        )


def _shapes(found: Any) -> list[Any]:
    """Of the arrays of a tuple their shapes and dtypes."""
    arrays = jax.tree.leaves(found) if isinstance(found, tuple) else []
    return [(array.shape, array.dtype) for array in arrays]


def draws(batch: TextBatch) -> Float[Array, "rows capacity 3"]:
    """Three numbers from 0 to 1 for each cell, by seed, epoch, text and place."""
    epochs = jnp.asarray(batch["id"])[:, 0]
    seeds = batch.get("seed")
    seeds = jnp.zeros_like(epochs) if seeds is None else jnp.asarray(seeds)
    fold = jax.random.fold_in
    rows = jax.vmap(lambda seed, epoch: fold(jax.random.key(seed), epoch))

    def cell(key: Array, text: Array, place: Array) -> Array:
        return jax.random.uniform(fold(fold(key, text), place), (3,), jnp.float32)

    cells = jax.vmap(jax.vmap(cell, (None, 0, 0)))
    text, place = (jnp.asarray(batch[name]) for name in ("text", "place"))
    return cells(rows(seeds, epochs), text, place)


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
) -> Float[Array, ""]:
    """The part of hidden tokens that is told right."""
    right, told = _right(scores, targets)
    return right.sum(dtype=jnp.float32) / jnp.maximum(told.sum(dtype=jnp.float32), 1)


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
    return told & (scores.argmax(-1) == targets.values["token"]), told


def loss_named(name: str) -> Callable[..., tuple[Array, Array]]:
    """`text_loss` by a name in `LOSSES`."""
    return functools.partial(text_loss, mean=LOSSES.resolve(name))
