"""What is beyond the borders of sequences, whose lengths are only known at run time.

A mode's rule is Python arithmetic on the number of cells, so a table says for every
number that a row has room for what the padding cells are made of.
"""

import functools
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..padding import Number, Runs, runs_of, sum_dtype
from ..typing import Array
from .batch import Ragged
from .per_sequence import sum_per_sequence


# Sums of up to so many terms are written out; longer ones are a loop.
FEW = 4


class Borders(NamedTuple):
    """The padding cells of sequences of 0 to `capacity` cells: `lo` before, `hi` after.

    Each is a sum of terms: a weight times the sum of some cells from `first` on.

    Attributes:
        constant: `[capacity + 1, lo + hi]`; no number for lengths that are refused.
        weight: `[terms, capacity + 1, lo + hi]`; 0 where there are fewer terms.
        first: likewise, the first cell of a term.
        cells: likewise, how many it has.
        refused: what the mode says of lengths that it cannot pad.
    """

    constant: np.ndarray
    weight: np.ndarray
    first: np.ndarray
    cells: np.ndarray
    refused: dict[int, str]


@functools.lru_cache(maxsize=32)
def borders(mode: Any, lo: int, hi: int, capacity: int) -> Borders:
    """Reads a mode that is a rule.

    Raises:
        ValueError: if it refuses every length.
    """
    runs_at: Any = runs_of(mode)
    made = [_made(runs_at, lo, hi, n) for n in range(1, capacity + 1)]
    refused = {n: m for n, m in enumerate(made, 1) if isinstance(m, str)}
    if len(refused) == capacity:
        raise ValueError(refused[capacity])
    none: list[Any] = [([], 0.0)] * (lo + hi)  # of no cell
    unknown = [([], np.nan)] * (lo + hi)
    lines = [none, *(unknown if isinstance(m, str) else m for m in made)]
    # One array of all terms, not one for each: there are many of few.
    terms = [
        (*span, m, n, i)
        for n, line in enumerate(lines)
        for i, (runs, _) in enumerate(line)
        for m, span in enumerate(_spans(runs))
    ]
    *spans, m, n, i = np.array(terms, np.float64).reshape(-1, 6).T
    place = m.astype(int), n.astype(int), i.astype(int)
    table = np.zeros((3, 1 + max(place[0], default=-1), capacity + 1, lo + hi))
    table[:, *place] = spans
    weight, (first, cells) = table[0], table[1:].astype(int)
    constant = np.array([[c for _, c in line] for line in lines], np.float64)
    return Borders(constant, weight, first, cells, refused)


def _made(runs_at: Any, lo: int, hi: int, n: int) -> list[Runs] | str:
    """What each padding cell is made of, or the words that refuse the length."""
    try:
        return [*runs_at(n, range(-lo, 0)), *runs_at(n, range(n, n + hi))]
    except ValueError as error:
        return str(error)


def _spans(runs: Any) -> list[tuple[Number, int, int]]:
    """Weight, first cell and number of cells of each term."""
    spans = []
    for weight, index in runs:
        if isinstance(index, range) and index.step == 1:
            spans += [(weight, index.start, len(index))]
        else:
            alone = index if isinstance(index, range) else (index,)
            spans += [(weight, j, 1) for j in alone]
    return spans


def by_rule(batch: Ragged, x: Array, table: Borders, column: Array) -> Array:
    """Of each cell the padding cell of its sequence that `column` names.

    Args:
        batch: says whose the cells are.
        x: `[rows, capacity, channels]`.
        table: of the mode.
        column: `[rows, capacity]`, from 0 to lo + hi - 1.
    """
    if not table.weight.any() and not table.constant.any():
        return jnp.zeros_like(x)
    length, dtype = batch.ends - batch.starts, sum_dtype(x.dtype)
    total = jnp.asarray(table.constant, dtype)[length, column][..., None]
    total = jnp.broadcast_to(total, x.shape)

    def add(total: Array, term: tuple[Array, Array]) -> tuple[Array, None]:
        weight, cell = (of[length, column][..., None] for of in term)
        part = jnp.take_along_axis(x, batch.starts[..., None] + cell, 1)
        return total + jnp.where(weight != 0, weight * part.astype(dtype), 0), None

    long = (table.cells > 1).any((1, 2))
    weight, first = jnp.asarray(table.weight[~long], dtype), table.first[~long]
    terms = (weight, jnp.asarray(first, jnp.int32))
    total, _ = lax.scan(add, total, terms, unroll=len(first) <= FEW)
    number = jnp.minimum(batch.numbers, batch.sequences - 1)
    for term in np.stack([table.weight, table.first, table.cells], 1)[long]:
        total = total + _long_sums(batch, x.astype(dtype), term)[number, column]
    return total.astype(x.dtype)


def _long_sums(batch: Ragged, x: Array, term: np.ndarray) -> Array:
    """One term of each padding cell of each sequence, summed once for a sequence.

    Args:
        batch: says whose the cells are.
        x: `[rows, capacity, channels]`.
        term: `[3, capacity + 1, lo + hi]`, its weight, first cell and number of cells.
    """
    # The mean of an axis is one sum, in whatever padding cell it stands.
    different, which = np.unique(term, axis=2, return_inverse=True)
    length, sums = batch.ends - batch.starts, []
    for weight, first, cells in np.moveaxis(different, 2, 0):
        at = batch.positions - jnp.asarray(first, jnp.int32)[length]
        inside = (at >= 0) & (at < jnp.asarray(cells, jnp.int32)[length])
        weighted = jnp.asarray(weight, x.dtype)[length][..., None] * x
        part = jnp.where(inside[..., None], weighted, 0)
        sums.append(sum_per_sequence(part, batch))
    return jnp.stack(sums, 1)[:, which.ravel()]
