"""Several open rows, of which the first with room is taken."""

import numpy as np

from ...conv.arguments import whole
from ..catalogue import PACKERS


@PACKERS.register
def first_fit(
    lengths: np.ndarray,
    capacity: int,
    *,
    max_per_row: int | None = None,
    open_rows: int = 64,
) -> np.ndarray:
    """In the order in which they come, each into the first open row that has room.

    When none of `open_rows` has room, all are closed and as many new ones opened: rows
    leave as a batch, as those of Grain's `FirstFitPackIterDataset` do.
    """
    open_rows = whole("open_rows", open_rows)
    rows, tree = [], FirstRow(open_rows, capacity)
    held, closed, limit = [0] * open_rows, 0, max_per_row or capacity
    for length in np.asarray(lengths).tolist():
        if tree.most < length:
            closed += sum(map(bool, held))
            tree, held = FirstRow(open_rows, capacity), [0] * open_rows
        row = tree.first(length)
        held[row] += 1
        tree.take(row, length if held[row] < limit else capacity)
        rows.append(closed + row)
    return np.array(rows)


class FirstRow:
    """The space of numbered rows; the first that has enough is found by halving.

    Node i of the tree has the larger space of nodes 2 i and 2 i + 1.
    """

    def __init__(self, rows: int, capacity: int):
        self._leaves = 1 << (rows - 1).bit_length()
        spaces = [capacity] * rows + [0] * (self._leaves - rows)
        self._tree = [0] * self._leaves + spaces
        for node in range(self._leaves - 1, 0, -1):
            self._tree[node] = max(self._tree[2 * node], self._tree[2 * node + 1])

    @property
    def most(self) -> int:
        """The space of the row that has most."""
        return self._tree[1]

    def first(self, length: int) -> int:
        """The first row that has that much."""
        node = 1
        while node < self._leaves:
            node *= 2
            node += self._tree[node] < length
        return node - self._leaves

    def take(self, row: int, length: int) -> None:
        """Uses up so much of a row, and not more than it has."""
        tree, node = self._tree, row + self._leaves
        tree[node] = max(0, tree[node] - length)
        while node > 1:
            most, node = max(tree[node], tree[node ^ 1]), node // 2
            if tree[node] == most:
                return
            tree[node] = most
