"""What is beyond the borders of sequences, whose lengths are only known at run time.

A mode's rule is Python arithmetic on the number of cells, so a table says for every
number that a row has room for what the padding cells are made of.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from ..padding import Terms, mode_name, sum_dtype, terms_of
from ..typing import Array
from .batch import Ragged
from .per_sequence import sum_per_sequence


# Sums of up to so many cells are read cell by cell; longer ones, such as a mean, are
# summed once for a sequence.
FEW = 4

# A padding cell of each length: what it is made of, or the words that refuse it.
Made = list[Terms] | str


class Borders(NamedTuple):
    """The padding cells of sequences of 0 to `capacity` cells: `lo` before, `hi` after.

    Attributes:
        constant: `[capacity + 1, lo + hi]`; no number for lengths that are refused.
        cell: `[capacity + 1, lo + hi, terms]`, the cells of which each is a sum.
        weight: likewise; 0 where there are fewer terms.
        long: `[sums, capacity + 1, capacity]`, the weights of all cells, instead of
            cell and weight, which are empty then.
        which: `[lo + hi]`, the long sum that each is.
        refused: what the mode says of lengths that it cannot pad.
    """

    constant: np.ndarray
    cell: np.ndarray
    weight: np.ndarray
    long: np.ndarray
    which: np.ndarray
    refused: dict[int, str]

    def reads(self) -> bool:
        """Whether any padding cell is made of others."""
        return bool(self.weight.any() or self.long.any())


@functools.lru_cache(maxsize=32)
def borders(before: Any, after: Any, lo: int, hi: int, capacity: int) -> Borders:
    """Reads the rules of two sides.

    Raises:
        ValueError: if a mode is no rule, or refuses every length.
    """
    sides = [_terms(before), _terms(after)]
    made = [_made(sides, lo, hi, n) for n in range(1, capacity + 1)]
    refused = {n: m for n, m in enumerate(made, 1) if isinstance(m, str)}
    if len(refused) == capacity:
        raise ValueError(refused[capacity])
    lines: list[Any] = [[([], 0.0)] * (lo + hi)]  # of no cell
    unknown = [([], np.nan)] * (lo + hi)
    lines += [unknown if isinstance(m, str) else m for m in made]
    constant = np.array([[c for _, c in line] for line in lines], np.float64)
    most = max((len(terms) for line in lines for terms, _ in line), default=0)
    if most <= FEW:
        index, weight = _short(lines, lo + hi, most)
        long, which = np.zeros((0, 0, 0)), np.zeros(0, np.int32)
    else:
        index, weight = np.zeros((0, 0, 0), np.int32), np.zeros((0, 0, 0))
        long, which = _long(lines, lo + hi, capacity)
    return Borders(constant, index, weight, long, which, refused)


def _terms(mode: Any) -> Callable[[int, range], list[Terms]]:
    if (terms := terms_of(mode)) is None:
        raise ValueError(
            f"padding mode {mode_name(mode)} is no rule for one cell, so it cannot be "
            "applied at the borders of sequences whose lengths are not known while "
            "tracing. Take a mode made by jaxpad.source or jaxpad.affine, such as "
            '"reflect".'
        )
    return terms


def _made(sides: list[Any], lo: int, hi: int, n: int) -> Made:
    try:
        return [*sides[0](n, range(-lo, 0)), *sides[1](n, range(n, n + hi))]
    except ValueError as error:
        return str(error)


def _short(lines: list[Any], cells: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    index = np.zeros((len(lines), cells, most), np.int32)
    weight = np.zeros((len(lines), cells, most))
    for n, line in enumerate(lines):
        for i, (terms, _) in enumerate(line):
            for m, (w, j) in enumerate(terms):
                weight[n, i, m], index[n, i, m] = w, j
    return index, weight


def _long(lines: list[Any], cells: int, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """The different sums; the mean of an axis is one, whatever cell it stands in."""
    sums: list[np.ndarray] = []
    which = []
    for i in range(cells):
        weights = np.zeros((len(lines), capacity), np.float32)
        for n, line in enumerate(lines):
            for w, j in line[i][0]:
                weights[n, j] += w
        equal = [k for k, other in enumerate(sums) if np.array_equal(other, weights)]
        which.append(equal[0] if equal else len(sums))
        sums += [] if equal else [weights]
    return np.stack(sums), np.array(which, np.int32)


def beyond(batch: Ragged, x: Array, table: Borders, column: Array) -> Array:
    """Of each cell the padding cell of its sequence that `column` names.

    Args:
        batch: says whose the cells are.
        x: `[rows, capacity, channels]`.
        table: of the modes.
        column: `[rows, capacity]`, from 0 to lo + hi - 1.
    """
    length, dtype = batch.ends - batch.starts, sum_dtype(x.dtype)
    total = jnp.asarray(table.constant, dtype)[length, column][..., None]
    total = jnp.broadcast_to(total, x.shape)
    for m in range(table.weight.shape[-1]):
        weight = jnp.asarray(table.weight[..., m], dtype)[length, column][..., None]
        cell = batch.starts + jnp.asarray(table.cell[..., m])[length, column]
        part = jnp.take_along_axis(x, cell[..., None], 1).astype(dtype)
        total = total + jnp.where(weight != 0, weight * part, 0)
    if len(table.long):
        total = total + _long_sums(batch, x.astype(dtype), table, column)
    return total.astype(x.dtype)


def _long_sums(batch: Ragged, x: Array, table: Borders, column: Array) -> Array:
    length, sums = batch.ends - batch.starts, []
    for weights in table.long:
        weight = jnp.asarray(weights, x.dtype)[length, batch.positions][..., None]
        sums.append(sum_per_sequence(jnp.where(weight != 0, weight * x, 0), batch))
    which = jnp.asarray(table.which)[column]
    number = jnp.minimum(batch.numbers, batch.sequences - 1)
    return jnp.stack(sums)[which, number]
