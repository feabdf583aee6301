"""The rows of a stream, one after another, from any of them on."""

import itertools
import logging
from typing import Any

import grain
import numpy as np

from ...batching.cut import told
from .features import Features, Reader, cells, length_of, rows_from
from .packing import Packing, Rows


LOG = logging.getLogger("jaxpad.data")


class PackedIterator(grain.DatasetIterator):
    """Goes on at the same row after `set_state`, on any number of hosts."""

    def __init__(
        self,
        examples: Any,
        packing: Packing,
        window: int,
        lengths: np.ndarray | None,
    ):
        super().__init__(examples)
        self._packing, self._window, self._lengths = packing, window, lengths
        self._begin(examples.get_state(), 0, 0, 0, {}, "")

    def _begin(
        self,
        parent: Any,
        example: int,
        row: int,
        step: int,
        counts: dict[str, int],
        plan: str,
    ) -> None:
        """Stands before the window that starts with an example and a row.

        `plan` is the fingerprint of its rows, if they have been decided before.
        """
        self._start, self._example, self._row = parent, example, row
        none = np.zeros(0, np.int64)
        self._sequences: list[Features] = []
        self._rows, self._order = Rows(self._packing, none, none), none
        # A state has all counts from the first on, as Grain asks of states.
        self._step, self._counts = step, counts or self._rows.pieces.counts
        self._told, self._plan = self._counts["cells lost"], plan
        self._read, self._ended = Reader(self._packing.features), False

    def get_state(self) -> dict[str, Any]:
        """What `set_state` needs: the window is read again."""
        return {
            "parent": self._start,
            "example": self._example,
            "row": self._row,
            "step": self._step,
            "counts": self._counts,
            "plan": self._plan,
            "packing": self._name(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on where the state was taken.

        Raises:
            ValueError: if other rows would follow, as it was packed differently.
        """
        if state["packing"] != self._name():
            raise ValueError(
                f"this state is of other rows, packed with {state['packing']}; these "
                f"have {self._name()}. Pack as before to go on."
            )
        self._parent.set_state(state["parent"])
        names = ("parent", "example", "row", "step", "counts", "plan")
        self._begin(*(state[name] for name in names))

    def __next__(self) -> dict[str, np.ndarray]:
        wanted = self._packing.wanted(self._step)
        pieces, rows = [], []
        for row, number in enumerate(wanted):
            held = self._held(number)
            pieces += held
            rows += [row] * len(held)
        # Every host ends at one step, though some rows of the last may be empty.
        if self._ended and self._step * self._packing.per_step >= self._end:
            raise StopIteration
        self._step += 1
        shape = len(wanted), self._packing.largest
        return self._packing.output(rows_from(pieces, rows, shape, self._read.like))

    @property
    def _end(self) -> int:
        """One past the last row of the window."""
        return self._row + len(self._rows)

    def _held(self, number: int) -> list[Features]:
        """The pieces of a row; none of those after the last."""
        while number >= self._end and not self._ended:
            self._advance()
        if number >= self._end:
            return []
        held = self._rows.held(int(self._order[number - self._row])).tolist()
        pieces = map(self._rows.piece, held)
        return [cells(self._sequences[which], part) for which, part in pieces]

    def _advance(self) -> None:
        """Reads the next window, and says what shares a row."""
        self._row, self._example = self._end, self._example + len(self._sequences)
        self._counts = self._total()
        self._start, decided = self._parent.get_state(), self._plan
        again = decided and not self._sequences
        window = itertools.islice(self._parent, self._window)
        self._sequences = [
            self._read(example, number)
            for number, example in enumerate(window, self._example)
        ]
        self._ended = len(self._sequences) < self._window
        found = np.asarray([length_of(s) for s in self._sequences], np.int64)
        self._refuse_other(found)
        numbers = np.arange(len(found)) + self._example
        self._rows = Rows(self._packing, found, numbers)
        self._plan = self._rows.fingerprint()
        if again and self._plan != decided:
            raise ValueError(
                f"the {len(found)} examples from number {self._example} on are packed "
                "otherwise than before the restart: their lengths have changed, or "
                "the packer depends on the clock."
            )
        self._order = np.arange(len(self._rows))
        if self._packing.seed is not None:
            rng = np.random.default_rng((self._packing.seed, self._row))
            self._order = rng.permutation(self._order)
        self._log()

    def _refuse_other(self, found: np.ndarray) -> None:
        """Raises where the stream has not the lengths that it was said to have."""
        if self._lengths is None:
            return
        end = self._example + len(found)
        said = self._lengths[self._example : end]
        both = min(len(said), len(found))
        if (wrong := np.flatnonzero(said[:both] != found[:both])).size:
            at = wrong[0]
            raise ValueError(
                f"example {self._example + at} has {found[at]} cells, but "
                f"lengths[{self._example + at}] is {said[at]}: give the lengths in the "
                "order of the stream."
            )
        if end > len(self._lengths) or (self._ended and end < len(self._lengths)):
            more = "at least " * (not self._ended)
            raise ValueError(
                f"lengths has {len(self._lengths)} numbers, but the stream has {more}"
                f"{end} examples: expected the length of each."
            )

    def _log(self) -> None:
        """Counts what became of sequences: where cells are lost, and at the end."""
        counts = self._total()
        lost = counts["cells lost"]
        if self._ended and not self._end:
            raise ValueError(
                "there is nothing to pack: the stream ended with "
                f"{told(counts) or 'no examples'}. Look at what filters it, and at "
                "capacity and policy."
            )
        if self._ended or lost > 2 * self._told:
            level = logging.WARNING if lost else logging.INFO
            so_far = "" if self._ended else " so far"
            LOG.log(level, "%d rows%s; %s", self._end, so_far, told(counts))
            self._told = lost

    def _total(self) -> dict[str, int]:
        """The counts up to the end of the window."""
        new = self._rows.pieces.counts
        return {name: before + new[name] for name, before in self._counts.items()}

    def _name(self) -> str:
        return f"{self._packing} window={self._window}"
