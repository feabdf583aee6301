"""The packers of the paper do what it says; the table of its data needs its data."""

import numpy as np
import pytest
from hypothesis import given, settings

from jaxpad.batching import pack, plan
from jaxpad.batching.packers.nnlshp import full_rows

from .subjects import problems
from .test_bounds import planted


def worst_fit(lengths: list[int], capacity: int) -> int:
    """Worst fit, longest first; a row opened for a length takes one of it."""
    spaces: list[int] = []
    for length in sorted(set(lengths), reverse=True):
        opened = []
        for _ in range(lengths.count(length)):
            if spaces and max(spaces) >= length:
                spaces[spaces.index(max(spaces))] -= length
            else:
                opened.append(capacity - length)
        spaces += opened
    return len(spaces)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=problems())
def test_spfhp_takes_the_emptiest_row(problem):
    lengths, capacity, _ = problem
    rows = pack(lengths, capacity, "spfhp")
    assert rows.max() + 1 == worst_fit(lengths, capacity)


def test_lpfhp_puts_a_length_in_as_often_as_it_fits():
    found = plan(np.bincount([2] * 8 + [5] * 3), 9, "lpfhp")
    assert found.patterns == {(5, 2, 2): 3, (2, 2): 1}
    found = plan(np.bincount([2] * 8 + [5] * 3), 9, "lpfhp", max_per_row=2)
    assert found.patterns == {(5, 2): 3, (2, 2): 2, (2,): 1}


def test_full_rows_are_all_of_them():
    rows = list(full_rows(12, 3, 12))
    assert len(rows) == len(set(rows)) == 19  # partitions of 12 into at most 3 parts
    assert all(sum(row) == 12 and len(row) <= 3 for row in rows)


@pytest.mark.parametrize("most", [None, 3])
def test_nnlshp_nears_an_optimum_of_full_rows(most: int | None):
    histogram = planted(1, 30_000, 40, 3)
    found = plan(histogram, 40, "nnlshp", max_per_row=most)
    assert 30_000 <= found.rows <= 30_060
    assert max(map(len, found.patterns)) == 3
    assert plan(histogram, 40, "lpfhp", max_per_row=3).rows > 30_500


def test_nnlshp_covers_what_is_in_no_full_row():
    """A 6 of 9 shares a full row with a 3 alone, and there is none."""
    found = plan(np.bincount([6] * 5 + [7] * 2), 9, "nnlshp")
    assert found.patterns == {(6,): 5, (7,): 2}
