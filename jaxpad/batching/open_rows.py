"""Rows with space left, in groups of equal content, found by how much they have."""

from collections import Counter, defaultdict

from .patterns import Patterns
from .spaces import largest, smallest


class OpenRows:
    """Groups of rows by their space; of one space the group that was put last is taken.

    Args:
        limit: sequences that a row may hold; full rows are kept as patterns.
    """

    def __init__(self, limit: int):
        self._limit, self._spaces = limit, 0
        self._patterns: Counter[tuple[int, ...]] = Counter()
        self._groups = defaultdict(list)

    def smallest(self, least: int) -> int:
        """The smallest space of at least `least` cells; -1 if there is none."""
        return smallest(self._spaces, least)

    def largest(self) -> int:
        """The largest space; -1 if there is none."""
        return largest(self._spaces)

    def put(self, held: tuple[int, ...], rows: int, space: int) -> None:
        """Adds so many rows that hold these lengths."""
        if not space or len(held) == self._limit:
            self._patterns[held] += rows
            return
        self._groups[space].append((held, rows))
        self._spaces |= 1 << space

    def peek(self, space: int) -> tuple[tuple[int, ...], int]:
        """What the last group with that space holds, and how many rows it has."""
        return self._groups[space][-1]

    def fill(self, space: int, rows: int, added: tuple[int, ...]) -> None:
        """Puts lengths into so many rows of that group."""
        held, there = self._groups[space].pop()
        if there > rows:
            self._groups[space].append((held, there - rows))
        elif not self._groups[space]:
            self._spaces ^= 1 << space
        self.put(held + added, rows, space - sum(added))

    def patterns(self) -> Patterns:
        """All rows, full or not."""
        found = self._patterns.copy()
        for groups in self._groups.values():
            for held, rows in groups:
                found[held] += rows
        return found
