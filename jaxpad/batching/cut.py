"""What becomes of sequences that are too long, by name and counted."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Integer

from ..conv.arguments import whole
from ..registry import Registry
from .checks import as_lengths


# From lengths and a capacity to how many pieces each sequence becomes, and the cells
# that are kept of each.
Policy = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
POLICIES: Registry[Policy] = Registry("policy for sequences that are too long")


@POLICIES.register
def split(lengths: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of the capacity, and a last one with the rest."""
    return -(-lengths // capacity), lengths


@POLICIES.register
def truncate(lengths: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """The first cells, as many as fit."""
    return np.minimum(lengths, 1), np.minimum(lengths, capacity)


@POLICIES.register
def drop(lengths: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """Nothing of them."""
    fits = (lengths > 0) & (lengths <= capacity)
    return fits.astype(np.int64), np.where(fits, lengths, 0)


@dataclasses.dataclass(frozen=True)
class Pieces:
    """What is left of sequences; printed, it counts what became of them.

    Attributes:
        length: of each piece, `[m]`: what `pack` and `layout` take.
        sequence: that each piece is of, `[m]`.
        start: its first cell in that sequence, `[m]`.
        stream: the place of every cell in all sequences one after another, `[cells]`:
            `values[stream]` are the pieces one after another.
        counts: sequences that came, were empty, were too long, became several pieces,
            lost their end, or were left out; and the cells that were lost.
    """

    length: Integer[np.ndarray, " m"]
    sequence: Integer[np.ndarray, " m"]
    start: Integer[np.ndarray, " m"]
    stream: Integer[np.ndarray, " cells"] = dataclasses.field(repr=False)
    counts: dict[str, int]

    def __str__(self) -> str:
        counts = {"pieces": len(self.length), **self.counts}
        return ", ".join(f"{name}: {n}" for name, n in counts.items() if n)


def cut(lengths: Any, capacity: int, policy: str | Policy) -> Pieces:
    """Makes sequences fit: those that are too long by a policy, empty ones left out.

    Args:
        lengths: of the sequences.
        capacity: cells that a piece may have.
        policy: "split", "truncate" or "drop".

    Returns:
        `Pieces`, with counts for the log.

    Raises:
        ValueError: for no sequences, a negative length, or if nothing is left.
        TypeError: for numbers that are not whole.

    Example:
        >>> pieces = cut([3, 9, 0], 4, "split")
        >>> pieces.length, pieces.sequence
        (array([3, 4, 4, 1]), array([0, 1, 1, 1]))
        >>> print(pieces)
        pieces: 4, sequences: 3, empty: 1, too long: 1, split: 1
        >>> print(cut([3, 9, 0], 4, "truncate"))
        pieces: 2, sequences: 3, empty: 1, too long: 1, truncated: 1, cells lost: 5
    """
    capacity = whole("capacity", capacity)
    given = as_lengths(lengths, None, least=0)
    pieces, kept = POLICIES.resolve(policy)(given, capacity)
    sequence = np.repeat(np.arange(len(given)), pieces)
    if not sequence.size:
        raise ValueError(
            f"policy {policy!r} leaves nothing of {len(given)} sequences at "
            f"capacity={capacity}; the longest has {given.max()} cells. Take a larger "
            'capacity, or "split".'
        )
    number = np.arange(len(sequence)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start = number * capacity
    length = np.minimum(kept[sequence] - start, capacity)
    counts = {
        "sequences": len(given),
        "empty": int((given == 0).sum()),
        "too long": int((given > capacity).sum()),
        "split": int((pieces > 1).sum()),
        "truncated": int(((0 < kept) & (kept < given)).sum()),
        "dropped": int(((given > 0) & (kept == 0)).sum()),
        "cells lost": int((given - kept).sum()),
    }
    first = (np.cumsum(given) - given)[sequence] + start
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return Pieces(length, sequence, start, np.repeat(first, length) + within, counts)
