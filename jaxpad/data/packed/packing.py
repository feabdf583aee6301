"""Which pieces share a row, from lengths alone, and which rows a host takes."""

import dataclasses
import functools
from typing import Any

import numpy as np

from ...batching import PACKERS, POLICIES, Packer, pack
from ...batching.checks import as_limit
from ...batching.cut import Policy, pieces_of
from ...conv.arguments import whole
from ..batches import rows_of
from ..records import digest


@dataclasses.dataclass(frozen=True)
class Packing:
    """How examples become rows, and batches of rows; see `pack_examples`."""

    capacity: int
    packer: str | Packer
    features: tuple[str, ...] | None
    policy: str | Policy | None
    max_per_row: int | None
    batch_size: int | None
    shard: tuple[int, int]
    seed: int | None

    def __post_init__(self):
        whole("capacity", self.capacity)
        as_limit(self.max_per_row)
        PACKERS.resolve(self.packer)
        if self.policy is not None:
            POLICIES.resolve(self.policy)
        which, count = self.shard
        if not 0 <= which < count:
            raise ValueError(
                f"shard={self.shard}: expected (which, of how many), as (0, 1) or "
                "(jax.process_index(), jax.process_count())."
            )
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"seed={self.seed}: expected 0 or more, or None.")
        if self.batch_size is not None:
            whole("batch_size", self.batch_size)
        rows_of(self.per_step, self.shard)

    @property
    def per_step(self) -> int:
        """Rows of a step, over all hosts."""
        return self.batch_size or self.shard[1]

    def wanted(self, step: int) -> range:
        """The rows of a step that this host takes, counted over all hosts."""
        first, part = step * self.per_step, rows_of(self.per_step, self.shard)
        return range(first + part.start, first + part.stop)

    def steps(self, rows: int) -> int:
        """That so many rows take; the last may have empty ones."""
        return -(-rows // self.per_step)

    def output(self, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """A batch, or without `batch_size` its only row."""
        if self.batch_size is not None:
            return rows
        return {name: values[0] for name, values in rows.items()}

    def __str__(self) -> str:
        # Not the shard: rows are the same on any number of hosts.
        return (
            f"capacity={self.capacity} packer={_name(self.packer)} "
            f"features={self.features} policy={_name(self.policy)} "
            f"max_per_row={self.max_per_row} rows={self.per_step} seed={self.seed}"
        )


def _name(strategy: Any) -> str:
    # The same in every process, so without the address of a function.
    if isinstance(strategy, functools.partial):
        return (
            f"{_name(strategy.func)}{strategy.args}{sorted(strategy.keywords.items())}"
        )
    if strategy is None or isinstance(strategy, str):
        return str(strategy)
    return getattr(strategy, "__qualname__", type(strategy).__qualname__)


class Rows:
    """Rows of pieces of sequences.

    Args:
        packing: how.
        lengths: of the sequences, `[n]` of int64, 0 or more.
        numbers: of the examples that they are, `[n]`, for the error.

    Attributes:
        pieces: of the sequences; there may be none left.
        order: numbers of the pieces, row by row, each row in the order of sequences.
        ends: one past the last of each row in `order`.

    Raises:
        ValueError: for a sequence that is empty or too long, without a policy.
    """

    def __init__(self, packing: Packing, lengths: np.ndarray, numbers: np.ndarray):
        if packing.policy is None:
            _refuse_misfits(lengths, packing.capacity, numbers)
        policy = packing.policy or "split"  # does nothing to what fits
        self.pieces = pieces_of(lengths, packing.capacity, policy)
        rows = np.zeros(0, np.int64)
        if self.pieces.length.size:
            length, limit = self.pieces.length, packing.max_per_row
            rows = pack(length, packing.capacity, packing.packer, max_per_row=limit)
        self.order = np.argsort(rows, kind="stable")
        self.ends = np.cumsum(np.bincount(rows))

    def __len__(self) -> int:
        return len(self.ends)

    def held(self, row: int) -> np.ndarray:
        """The numbers of the pieces in a row, in the order of the sequences."""
        start = self.ends[row - 1] if row else 0
        return self.order[start : self.ends[row]]

    def fingerprint(self) -> str:
        """Of the lengths of all pieces and of what shares a row."""
        pieces = self.pieces.length, self.pieces.sequence
        return digest(*pieces, self.order, self.ends)

    def piece(self, number: int) -> tuple[int, slice]:
        """The sequence that a piece is of, and its cells there."""
        start = int(self.pieces.start[number])
        end = start + int(self.pieces.length[number])
        return int(self.pieces.sequence[number]), slice(start, end)


def _refuse_misfits(lengths: np.ndarray, capacity: int, numbers: np.ndarray) -> None:
    wrong = (lengths < 1) | (lengths > capacity)
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(
            f"{int(wrong.sum())} of the {len(lengths)} examples from number "
            f"{numbers[0]} on are empty or longer than capacity={capacity}, such as "
            f"example {numbers[at]} with {lengths[at]} cells. Say what becomes of "
            'them: policy="split", "truncate" or "drop".'
        )
