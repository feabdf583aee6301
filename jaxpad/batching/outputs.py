"""What a model of a batch made, whatever it is, and whose it is."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..typing import Array
from .batch import Ragged, visible
from .views import flat


# From a batch to one with other values, to arrays `[rows, capacity, ...]`, or to arrays
# `[sequences, ...]` as of a pool; or a pytree of those.
Model = Callable[[Ragged], Any]


class Output(NamedTuple):
    """An array that a model made, in the layout of a batch: by cell or by sequence."""

    x: Array
    layout: Ragged
    per_cell: bool

    def owners(self) -> Array:
        """Whose its entries are, along its first two axes, or its first."""
        if self.per_cell:
            return self.layout.numbers
        there = jnp.arange(self.layout.sequences, dtype=jnp.int32)
        return jnp.where(self.layout.lengths > 0, there, self.layout.sequences)


def per_cell_of(model: Model, batch: Ragged) -> list[bool]:
    """Of each output whether it is by cell or by sequence.

    In one long row there is no doubt, as where features are as many as cells.

    Raises:
        ValueError: if the model returns something else, or changes state of its own.
    """
    view = flat(batch, int(batch.lengths.sum() + batch.lengths.max()) + 1)
    found = []
    for leaf, layout in _leaves(_traced(model, view)):
        found.append(layout is not None or leaf.shape[:2] == view.numbers.shape)
        if not found[-1] and leaf.shape[:1] != (batch.sequences,):
            raise ValueError(
                f"of a batch of {view.rows} rows of {view.capacity} cells with "
                f"{batch.sequences} sequences the model made an array of shape "
                f"{leaf.shape}: expected a Ragged, [rows, capacity, ...] or "
                "[sequences, ...]."
            )
    if not found:
        raise ValueError("the model returned nothing: expected arrays or a Ragged.")
    return found


def _traced(model: Model, batch: Ragged) -> Any:
    """The shapes of what a model makes."""
    try:
        return jax.eval_shape(lambda batch: model(batch), batch)
    except Exception as error:
        # Flax's, which numerics do not import.
        if type(error).__name__ != "TraceContextError":
            raise
        raise ValueError(
            "the model changes state of its own, as dropout and batch norm do in "
            "training, and a probe asks what it does in evaluation: call model.eval() "
            f"first. {error}"
        ) from error


def _leaves(made: Any) -> list[tuple[Any, Ragged | None]]:
    """Arrays, those of a batch with its layout."""
    found = []
    for part in jax.tree.leaves(made, is_leaf=lambda m: isinstance(m, Ragged)):
        layout = part if isinstance(part, Ragged) else None
        values = part.values if isinstance(part, Ragged) else part
        found += [(x, layout) for x in jax.tree.leaves(values)]
    return found


def outputs_of(made: Any, batch: Ragged, per_cell: list[bool]) -> list[Output]:
    """All arrays of what a model made."""
    return [
        Output(jnp.asarray(x), layout or batch, cells)
        for (x, layout), cells in zip(_leaves(made), per_cell, strict=True)
    ]


def check_probed(probe: str, batch: Any) -> None:
    """Raises for what a probe cannot look at.

    Raises:
        ValueError: where numbers are not known, under `jax.jit`.
        TypeError: if it is no batch.
    """
    if not isinstance(batch, Ragged):
        raise TypeError(
            f"{probe} tries a model on a Ragged, but {type(batch).__name__} came: make "
            "one by jaxpad.batching.ragged(x, segment_ids) or "
            "pack_sequences(sequences, capacity)."
        )
    if not visible(batch.numbers):
        raise ValueError("the probes look at numbers: call them outside of jax.jit.")
