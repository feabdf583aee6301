"""Laws of packing, over every packer that there is and two of a user's."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from jaxpad.batching import PACKERS, layout, pack, plan

from .subjects import BY_HISTOGRAM, SPECS, problems


pytestmark = pytest.mark.every
every_packer = pytest.mark.parametrize("packer", SPECS)
quickly = settings(max_examples=40, deadline=None, derandomize=True)


@every_packer
@quickly
@given(problem=problems())
def test_each_sequence_has_a_row_that_holds_it(packer: str, problem):
    lengths, capacity, most = problem
    rows = pack(lengths, capacity, packer, max_per_row=most)
    assert rows.shape == (len(lengths),)
    held = np.bincount(rows)
    assert held.min() >= 1
    assert held.max() <= (most or len(lengths))
    assert np.bincount(rows, lengths).max() <= capacity
    least = max(
        math.ceil(sum(lengths) / capacity), math.ceil(len(lengths) / (most or 1e9))
    )
    assert least <= len(held) <= len(lengths)


@every_packer
@quickly
@given(problem=problems())
def test_a_plan_is_what_packing_does(packer: str, problem):
    lengths, capacity, most = problem
    histogram = np.bincount(lengths)
    found = plan(histogram, capacity, packer, max_per_row=most)
    if packer not in BY_HISTOGRAM:  # the order of `plan`
        lengths = np.repeat(np.arange(len(histogram)), histogram)
        lengths = np.random.default_rng(0).permutation(lengths)
    rows = pack(lengths, capacity, packer, max_per_row=most)
    assert found.rows == rows.max() + 1 == sum(found.patterns.values())
    assert found.gap == found.rows - found.bound >= 0
    assert found.efficiency == pytest.approx(sum(lengths) / (found.rows * capacity))
    shared = [tuple(sorted(np.asarray(lengths)[rows == r])) for r in range(found.rows)]
    planned = [tuple(sorted(p)) for p, n in found.patterns.items() for _ in range(n)]
    assert sorted(shared) == sorted(planned)


@pytest.mark.parametrize("packer", BY_HISTOGRAM)
@quickly
@given(problem=problems(), seed=st.integers(0, 9))
def test_the_order_of_sequences_changes_no_number_of_rows(packer, problem, seed):
    lengths, capacity, most = problem
    other = np.random.default_rng(seed).permutation(lengths)
    rows = pack(lengths, capacity, packer, max_per_row=most)
    assert pack(other, capacity, packer, max_per_row=most).max() == rows.max()


@every_packer
@quickly
@given(problem=problems())
def test_what_is_laid_out_comes_back(packer: str, problem):
    lengths, capacity, most = problem
    rows = pack(lengths, capacity, packer, max_per_row=most)
    index, segment_ids, positions = layout(rows, lengths, capacity)
    assert index.shape == (rows.max() + 1, capacity)
    starts = np.cumsum(lengths) - lengths
    for sequence, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        number = 1 + int((rows[:sequence] == row).sum())
        cells = np.flatnonzero(segment_ids[row] == number)
        np.testing.assert_array_equal(cells, cells[0] + np.arange(length))
        np.testing.assert_array_equal(positions[row, cells], np.arange(length))
        np.testing.assert_array_equal(
            index[row, cells], starts[sequence] + np.arange(length)
        )
    assert (segment_ids > 0).sum() == sum(lengths)
    np.testing.assert_array_equal(index < 0, segment_ids == 0)
    assert not positions[segment_ids == 0].any()


@every_packer
def test_packing_twice_gives_the_same(packer: str):
    lengths = np.random.default_rng(3).integers(1, 40, 200)
    first, again = (pack(lengths, 40, packer, max_per_row=3) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def naive(lengths: list[int], capacity: int, most: int, best: bool) -> int:
    """First or best fit, sequence by sequence; the number of rows."""
    rows: list[list[int]] = []
    for length in lengths:
        fit = [r for r in rows if sum(r) + length <= capacity and len(r) < most]
        if not fit:
            fit = [[]]
            rows.append(fit[0])
        (max(fit, key=sum) if best else fit[0]).append(length)
    return len(rows)


@pytest.mark.parametrize("name", ["first_fit", "best_fit"])
@quickly
@given(problem=problems())
def test_fits_are_those_of_the_definition(name: str, problem):
    lengths, capacity, most = problem
    rows = pack(lengths, capacity, f"{name}(open_rows=99)", max_per_row=most)
    limit, best = most or capacity, name == "best_fit"
    assert rows.max() + 1 == naive(lengths, capacity, limit, best)
    falling = sorted(lengths, reverse=True)
    rows = pack(lengths, capacity, f"{name}_decreasing", max_per_row=most)
    assert rows.max() + 1 == naive(falling, capacity, limit, best)


@quickly
@given(problem=problems())
def test_lpfhp_is_best_fit_decreasing_without_a_limit(problem):
    histogram, capacity = np.bincount(problem[0]), problem[1]
    found = [
        plan(histogram, capacity, p).rows for p in ("lpfhp", "best_fit_decreasing")
    ]
    assert found[0] == found[1]


def test_closed_rows_stay_closed():
    assert pack([3, 2, 3, 1, 1], 4, "next_fit").tolist() == [0, 1, 2, 2, 3]
    assert pack([3, 3, 3, 1, 1, 1], 4, "first_fit(open_rows=2)").tolist() == [
        *(0, 1, 2, 2, 3, 3)
    ]
    assert pack([2, 3, 3, 1], 4, "best_fit(open_rows=3)").tolist() == [0, 1, 2, 1]


def test_every_packer_says_what_it_does():
    for name, packer in PACKERS.items():
        assert len((packer.__doc__ or "").splitlines()[0]) > 20, name
