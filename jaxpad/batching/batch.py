"""`Ragged`: a batch of sequences of many lengths, in rows of one size."""

import dataclasses
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from ..typing import Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class Ragged:
    """Sequences in the cells of rows, and of each cell whose it is.

    One sequence a row is a padded batch, one row a flat one, and between these are
    packed rows and lanes: they are all of this type, and `padded`, `flat`, `packed` and
    `lanes` go from any to any. Shapes are static, lengths are not, so that all of it
    works under `jax.jit`. `ragged` and `pack_sequences` make one.

    Attributes:
        values: an array `[rows, capacity, ...]`, or a pytree of such. What is in empty
            cells does not matter.
        segment_ids: `[rows, capacity]` int32, as all that follow: 1, 2, ... for the
            sequences of a row, 0 in empty cells.
        positions: the place in the sequence; 0 in empty cells.
        starts: the cell in the row where the sequence begins; 0 in empty cells.
        ends: the cell after its last one; 0 in empty cells.
        numbers: which sequence of the batch it is, from 0; `sequences` in empty cells.
        lost: `[rows]` int32, the cells of sequences that did not fit into this row.
            Only where sizes are not known while tracing can it be other than 0.
        sequences: how many sequences there may be at most; static.
    """

    values: Any
    segment_ids: Any
    positions: Any
    starts: Any
    ends: Any
    numbers: Any
    lost: Any
    sequences: int = dataclasses.field(metadata={"static": True})

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.segment_ids.shape[0]

    @property
    def capacity(self) -> int:
        """Cells of a row."""
        return self.segment_ids.shape[1]

    @property
    def real(self) -> Array:
        """Which cells hold a sequence, `[rows, capacity]` of booleans."""
        return self.segment_ids > 0

    @property
    def lengths(self) -> Array:
        """Cells of each sequence, `[sequences]` int32; 0 if it is not there."""
        ones = jnp.ones(self.numbers.size, jnp.int32)
        none = jnp.zeros(self.sequences, jnp.int32)
        return none.at[self.numbers.reshape(-1)].add(ones, mode="drop")

    def replace(self, values: Any) -> "Ragged":
        """Other values in the same cells."""
        return dataclasses.replace(self, values=jax.tree.map(jnp.asarray, values))


def visible(*arrays: Any) -> bool:
    """Whether their numbers are known, which they are not under `jax.jit`."""
    return not any(isinstance(a, jax.core.Tracer) for a in arrays)


def known_lengths(batch: Ragged) -> np.ndarray | None:
    """`batch.lengths` where they are known: also while tracing, of a batch that is."""
    if not visible(batch.numbers):
        return None
    counts = np.bincount(np.asarray(batch.numbers).ravel(), minlength=batch.sequences)
    return counts[: batch.sequences]


def one_array(name: str, batch: Ragged) -> Array:
    """The values of a batch that holds one array.

    Raises:
        ValueError: if there are several, or none.
        TypeError: if it is no batch.
    """
    if not isinstance(batch, Ragged):
        raise TypeError(
            f"{name} works on a Ragged, but {type(batch).__name__} came: write "
            "jaxpad.batching.ragged(x, segment_ids), which says whose each cell is."
        )
    leaves = jax.tree.leaves(batch.values)
    if len(leaves) != 1 or leaves[0] is not batch.values:
        raise ValueError(
            f"{name} works on one array, but the batch holds {len(leaves)} of them in "
            'a tree: write batch.replace(batch.values["tokens"]), or what yours is.'
        )
    return jnp.asarray(batch.values)
