"""Packing by name, checked: rows of sequences, and plans of histograms."""

import dataclasses
import numbers
from typing import Any

import numpy as np

from ..conv.arguments import whole
from .bounds import counting_bound
from .catalogue import PACKERS, Histogram, Lengths, Packer, Rows, plan_of
from .checks import as_histogram, as_lengths, as_limit, as_rows
from .linear_bound import linear_bound
from .patterns import Patterns, patterns_from
from .promises import check_takes_limit


MOST = 10**9  # sequences, for a packer that sees each


@dataclasses.dataclass(frozen=True)
class Plan:
    """How sequences of a histogram share rows, and how good that is.

    Attributes:
        rows: of the plan.
        efficiency: the part of the cells of all rows that hold a sequence.
        bound: rows that are proved to be needed, by any packer: the linear program's
            bound, or as much of it as was proved in time; at least what cells,
            sequences and long sequences need.
        gap: rows beyond the bound; where it is 0 the plan is proved to be the best.
        patterns: from the lengths that share a row to how many rows do so.
    """

    rows: int
    efficiency: float
    bound: int
    gap: int
    patterns: Patterns = dataclasses.field(repr=False)


def pack(
    lengths: Lengths,
    capacity: int,
    packer: str | Packer = "first_fit_decreasing",
    *,
    max_per_row: int | None = None,
) -> Rows:
    """Says in which row of a packed batch each sequence goes.

    Args:
        lengths: of the sequences.
        capacity: cells of a row.
        packer: a name in `PACKERS`, with options as in "best_fit(open_rows=256)", or a
            function like theirs.
        max_per_row: sequences that may share a row; None for any number.

    Returns:
        The row of each sequence, `[n]`: 0 to R - 1, none of them empty.

    Raises:
        ValueError: for no sequences, lengths that are zero, negative or above the
            capacity, or a packer of your own that overfills or leaves out rows.
        TypeError: for numbers that are not whole, or a packer of your own that takes
            or returns something else.

    Example:
        >>> pack([5, 3, 7, 1], 8)
        array([1, 1, 0, 0])
    """
    capacity, max_per_row = whole("capacity", capacity), as_limit(max_per_row)
    found = as_lengths(lengths, capacity)
    function, who = PACKERS.resolve(packer), _who(packer)
    if max_per_row is not None:
        check_takes_limit(function, who)
    rows = function(found, capacity, **_limit(max_per_row))
    return as_rows(rows, found, capacity, max_per_row, who)


def plan(
    histogram: Histogram,
    capacity: int,
    packer: str | Packer = "column_generation",
    *,
    max_per_row: int | None = None,
    proof_seconds: float = 10.0,
) -> Plan:
    """Plans the rows of a data set of which only the lengths are counted.

    Its cost does not grow with the number of sequences, but for "next_fit", "first_fit"
    and "best_fit", which see sequences in their order: those take them in a random one,
    always the same, and in another order there may be more rows or fewer.

    Args:
        histogram: number `i` counts the sequences of length `i`, as
            `np.bincount(lengths)` does; the first number, of length 0, is 0.
        capacity: cells of a row.
        packer: as in `pack`.
        max_per_row: sequences that may share a row; None for any number.
        proof_seconds: that the linear program may take where neither counting nor the
            packer shows that the plan is the best; 0 to do without. It is not solved
            for a packer that has proved more than counting does, as
            "column_generation".

    Returns:
        A `Plan`.

    Raises:
        ValueError: for a histogram that counts nothing, or lengths that are zero or
            above the capacity, a packer of your own that breaks its promise, one that
            takes sequences in order for more than a billion, or `proof_seconds` below
            0.
        TypeError: as `pack`.

    Example:
        >>> planned = plan([0, 0, 0, 4, 2, 2], 8, "best_fit_decreasing")
        >>> planned
        Plan(rows=4, efficiency=0.9375, bound=4, gap=0)
        >>> planned.patterns
        {(5, 3): 2, (4, 4): 1, (3, 3): 1}
    """
    capacity, max_per_row = whole("capacity", capacity), as_limit(max_per_row)
    counts = as_histogram(histogram, capacity)
    if not isinstance(proof_seconds, numbers.Real) or not proof_seconds >= 0:
        raise ValueError(f"proof_seconds={proof_seconds!r}: expected 0.0 or more.")
    function, options = PACKERS.resolve(packer), _limit(max_per_row)
    counted, proved = counting_bound(counts, capacity, max_per_row), 0
    if (make := plan_of(function)) is not None:
        patterns, proved = make(counts, capacity, **options)
    else:
        _refuse_many(int(counts.sum()), _who(packer))
        lengths = np.repeat(np.arange(capacity + 1), counts)
        lengths = np.random.default_rng(0).permutation(lengths)
        rows = pack(lengths, capacity, packer, max_per_row=max_per_row)
        patterns = patterns_from(rows, lengths)
    rows, cells = sum(patterns.values()), int(counts @ np.arange(capacity + 1))
    bound = max(counted, proved)
    if rows < bound:
        raise ValueError(
            f"{_who(packer)} claims a proof that {bound} rows are needed, but its "
            f"own patterns have {rows}."
        )
    if rows > bound and proved <= counted and proof_seconds:
        limits: Any = {"enough": rows, "seconds": float(proof_seconds)}
        bound = max(bound, linear_bound(counts, capacity, max_per_row, **limits))
    return Plan(rows, cells / (rows * capacity), bound, rows - bound, patterns)


def _refuse_many(sequences: int, who: str) -> None:
    if sequences > MOST:
        raise ValueError(
            f"{who} sees sequences one by one, and {sequences:,} are too many to lay "
            'out: take "first_fit_decreasing", which needs their counts alone.'
        )


def _who(packer: str | Packer) -> str:
    name = packer if isinstance(packer, str) else getattr(packer, "__name__", packer)
    return f"packer {name!r}"


def _limit(max_per_row: int | None) -> dict[str, Any]:
    # A partial may have a limit of its own.
    return {} if max_per_row is None else {"max_per_row": max_per_row}
