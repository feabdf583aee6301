"""What becomes of sequences that are too long, by name and counted."""

import dataclasses
from collections.abc import Callable, Mapping
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
        place: its first cell in all sequences one after another, `[m]`.
        counts: pieces; sequences that came, were empty, were too long, became several
            pieces, lost their end, or were left out; and the cells that were lost.
    """

    length: Integer[np.ndarray, " m"]
    sequence: Integer[np.ndarray, " m"]
    start: Integer[np.ndarray, " m"]
    place: Integer[np.ndarray, " m"]
    counts: dict[str, int]

    @property
    def stream(self) -> Integer[np.ndarray, " cells"]:
        """The place of every cell in all sequences one after another.

        `values[stream]` are the pieces one after another. It is made when asked for: of
        a large data set it is larger than all the rest.
        """
        before = np.cumsum(self.length) - self.length
        within = np.arange(self.length.sum()) - np.repeat(before, self.length)
        return np.repeat(self.place, self.length) + within

    def __str__(self) -> str:
        return told(self.counts)


def told(counts: Mapping[str, int]) -> str:
    """Counts as the log has them, without those that are 0."""
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
    pieces = pieces_of(given, capacity, policy)
    if not pieces.length.size:
        raise ValueError(
            f"policy {policy!r} leaves nothing of {len(given)} sequences at "
            f"capacity={capacity}; the longest has {given.max()} cells. Take a larger "
            'capacity, or "split".'
        )
    return pieces


def pieces_of(lengths: np.ndarray, capacity: int, policy: str | Policy) -> Pieces:
    """`cut` of lengths that are checked, of which nothing need be left."""
    pieces, kept = POLICIES.resolve(policy)(lengths, capacity)
    sequence = np.repeat(np.arange(len(lengths)), pieces)
    number = np.arange(len(sequence)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start = number * capacity
    length = np.minimum(kept[sequence] - start, capacity)
    counts = {
        "pieces": len(sequence),
        "sequences": len(lengths),
        "empty": int((lengths == 0).sum()),
        "too long": int((lengths > capacity).sum()),
        "split": int((pieces > 1).sum()),
        "truncated": int(((0 < kept) & (kept < lengths)).sum()),
        "dropped": int(((lengths > 0) & (kept == 0)).sum()),
        "cells lost": int((lengths - kept).sum()),
    }
    place = (np.cumsum(lengths) - lengths)[sequence] + start
    return Pieces(length, sequence, start, place, counts)
