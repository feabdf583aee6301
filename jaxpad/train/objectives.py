"""What a language model is asked: which tokens are hidden, and how."""

import numbers
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from ..batching import Ragged, ragged
from ..data import TextBatch, TextDataset
from ..registry import Registry
from ..typing import Array
from .keys import named


# From (tokens, draws, classes, mask) to what the model sees, and the cells whose token
# it has to tell; draws are three numbers from 0 to 1 for each cell.
Objective = Callable[[Array, Array, int, int], tuple[Array, Array]]
OBJECTIVES: Registry[Objective] = Registry("objective")


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
    drawn = jax.ShapeDtypeStruct((*shape, 3), jnp.float32)
    found = jax.eval_shape(lambda t, d: objective(t, d, classes, mask), tokens, drawn)
    if shapes_of(found) != [(shape, jnp.int32), (shape, jnp.bool_)]:
        raise ValueError(
            f"of tokens int32{list(shape)} it makes {found}: expected what the model "
            "sees, tokens of the same shape and type, and which cells are asked for, "
            "booleans of that shape."
        )


def shapes_of(found: Any) -> list[Any]:
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
