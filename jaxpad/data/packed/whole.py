"""Rows of examples that can be read in any order: planned before any is read."""

import copy
import dataclasses
import logging
import operator
from typing import Any

import grain
import numpy as np

from ...batching.checks import as_lengths
from ..records import digest
from .features import Features, Reader, cells, length_of, rows_from
from .packing import Packing, Rows


LOG = logging.getLogger("jaxpad.data")
# Grain gives a data set without end the length sys.maxsize, and less once it is batched
# or sliced; nobody can read so many examples.
ENDLESS = 2**40


class PackedDataset(grain.MapDataset):
    """Packed rows by number, a pure function of the seed, the lengths and the number.

    `len` is the number of steps of an epoch. Numbers from there on are of later epochs,
    and as with Grain's own data sets those below 0 of earlier ones. Made by
    `pack_examples`.

    Attributes:
        pieces: of the sequences, and counts of what became of them.
        rows: of an epoch, over all hosts.
        efficiency: the part of the cells of those rows that hold a sequence; of several
            sizes, in the first epoch.
        steps_per_epoch: batches of an epoch, or rows where they are not batched.
    """

    def __init__(self, examples: Any, packing: Packing, lengths: Any = None):
        super().__init__(examples)
        self._packing, self._read = packing, Reader(packing.features)
        if not len(examples):
            raise ValueError(
                "examples is empty: there is nothing to pack. Look whether the data "
                "set, or what filters it, has lost its sequences."
            )
        if len(examples) >= ENDLESS:
            raise ValueError(
                "examples has no end, as after .repeat(): its lengths cannot be read. "
                "Put .repeat() after packing, as pack_examples(...).repeat()."
            )
        self._numbers, self._lengths = self._measured(lengths)
        self._plan = Rows(packing, self._lengths, self._numbers)
        self.pieces, self.rows = self._plan.pieces, len(self._plan)
        if not self.rows:
            raise ValueError(
                f"nothing is left to pack: {self.pieces}. Take a larger capacity than "
                f'{packing.largest}, or policy="split".'
            )
        self._by_length = np.argsort(self.pieces.length, kind="stable")
        self._piece(0)  # from here on rows know their dtypes
        self._settle()
        LOG.log(
            logging.WARNING if self.pieces.counts["cells lost"] else logging.INFO,
            "%d rows of %s cells, %.2f%% of them used, plan %s; %s",
            self.rows,
            packing.capacity,
            100 * self.efficiency,
            self.fingerprint(),
            self.pieces,
        )

    def __len__(self) -> int:
        return self.steps_per_epoch

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.slice(index)
        try:
            number = operator.index(index)
        except TypeError as e:
            raise TypeError(
                f"packed rows have whole numbers, but {index!r} came: write batches[0]."
            ) from e
        epoch, step = divmod(number, self.steps_per_epoch)
        order, dealt = self._epoch(epoch)
        pieces, rows = [], []
        wanted = self._packing.wanted(step)
        size = self._size(order, step)
        for row, number in enumerate(range(wanted.start, min(wanted.stop, self.rows))):
            held = dealt[self._plan.held(int(order[number]))].tolist()
            pieces += [self._piece(piece) for piece in held]
            rows += [row] * len(held)
        shape = len(wanted), size
        return self._packing.output(rows_from(pieces, rows, shape, self._read.like))

    def rebatched(self, batch_size: int) -> "PackedDataset":
        """The same rows in batches of another size, without planning again.

        Args:
            batch_size: rows of a batch, over all hosts.
        """
        other = copy.copy(self)
        other._packing = dataclasses.replace(self._packing, batch_size=batch_size)
        other._settle()
        return other

    @property
    def fullest(self) -> int:
        """Cells that hold a sequence in the fullest batch of the first epoch."""
        used = self._plan.used[self._epoch(0)[0]]
        first = range(0, self.rows, self._packing.per_step)
        return int(np.add.reduceat(used, first).max())

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of all that the rows depend on but the values.

        A packer that stops by the clock may plan differently on each host: compare.
        """
        return digest(str(self._packing), self._numbers, self._plan.fingerprint())

    def _settle(self) -> None:
        """What depends on the size of a batch."""
        self.steps_per_epoch = self._packing.steps(self.rows)
        self._epochs: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.efficiency = int(self.pieces.length.sum()) / self._cells()

    def _measured(self, lengths: Any) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the examples that are there, and their lengths."""
        if lengths is not None:
            found = as_lengths(lengths, least=0)
            if len(found) != len(self._parent):
                raise ValueError(
                    f"lengths has {len(found)} numbers, but there are "
                    f"{len(self._parent)} examples: expected the length of each."
                )
            return np.arange(len(found)), found
        examples = self._parent.to_iter_dataset(allow_nones=True)
        there = [
            (number, length_of(self._read(example, number)))
            for number, example in enumerate(examples)
            if example is not None  # filtered out
        ]
        if not there:
            raise ValueError(
                f"all of {len(self._parent)} examples are None: what filters them has "
                "left none to pack."
            )
        numbers, found = np.asarray(there, np.int64).T
        return numbers, found

    def _epoch(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The order of the rows, and the piece that takes the place of each.

        Pieces of one length change places: rows keep their lengths, so their number is
        the same in all epochs, and sequences get other neighbours.
        """
        epochs = self._epochs
        if epoch in epochs:
            return epochs[epoch]
        order, dealt = np.arange(self.rows), np.arange(len(self.pieces.length))
        if self._packing.seed is not None:
            # A seed has no sign.
            rng = np.random.default_rng((self._packing.seed, epoch % 2**32))
            order = rng.permutation(order)
            keys = rng.random(len(dealt))
            dealt[self._by_length] = np.lexsort((keys, self.pieces.length))
            if self._packing.grouped:
                order = self._grouped(order, rng)
        # Where an epoch ends Grain's threads read in two of them.
        kept = {before: epochs[before] for before in epochs if before == epoch - 1}
        self._epochs = {**kept, epoch: (order, dealt)}
        return order, dealt

    def _grouped(self, order: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The rows of each size together, batches of them in any order."""
        sizes, per_step = self._packing.sizes, self._packing.per_step
        if len(sizes) == 1:
            return order
        size = np.searchsorted(sizes, self._plan.used[order])
        order = order[np.argsort(size, kind="stable")]
        full = len(order) // per_step  # what does not fill a batch stays at the end
        batches = order[: full * per_step].reshape(full, per_step)
        return np.append(rng.permutation(batches), order[full * per_step :])

    def _size(self, order: np.ndarray, step: int) -> int:
        """Cells of the rows of a step, on every host alike."""
        per_step = self._packing.per_step
        rows = order[step * per_step : (step + 1) * per_step]
        sizes = self._packing.sizes
        return sizes[int(np.searchsorted(sizes, self._plan.used[rows].max()))]

    def _cells(self) -> int:
        """Of all rows of the first epoch."""
        if len(sizes := self._packing.sizes) == 1:
            return self.rows * sizes[0]
        order, per_step = self._epoch(0)[0], self._packing.per_step
        return sum(
            self._size(order, step) * min(per_step, self.rows - step * per_step)
            for step in range(self.steps_per_epoch)
        )

    def _piece(self, piece: int) -> Features:
        sequence, part = self._plan.piece(piece)
        number, expected = int(self._numbers[sequence]), self._lengths[sequence]
        # Of the first epoch: where the examples are shuffled, others have this number
        # later.
        found = self._read(self._parent[number], number)
        if length_of(found) != expected:
            raise ValueError(
                f"example {number} has {length_of(found)} cells, but its length was "
                f"{expected}: give the lengths of these examples in their order, and "
                "map at random only after packing."
            )
        return cells(found, part)
