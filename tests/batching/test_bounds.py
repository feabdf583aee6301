"""Bounds hold, against brute force, and column generation reaches known optima."""

import functools
import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from jaxpad.batching import by_histogram, plan
from jaxpad.batching.bounds import DIGITS, counting_bound, dual_bound
from jaxpad.batching.knapsack import Knapsack
from jaxpad.batching.linear_bound import _grids, linear_bound

from .subjects import BY_HISTOGRAM, problems


# The function of that name hides it in the package.
linear_bound_module: Any = importlib.import_module("jaxpad.batching.linear_bound")


def optimum(lengths: tuple[int, ...], capacity: int, most: int) -> int:
    """The fewest rows, by trying every way to fill a row with the longest one."""

    @functools.cache
    def fewest(left: tuple[int, ...]) -> int:
        return 1 + min(map(fewest, set(others(left)))) if left else 0

    def others(left):
        """What can be left after the first of `left` has got a row."""

        def fill(i, space, room, kept):
            if i == len(left):
                yield kept
                return
            if left[i] <= space and room:
                yield from fill(i + 1, space - left[i], room - 1, kept)
            yield from fill(i + 1, space, room, (*kept, left[i]))

        return fill(1, capacity - left[0], most - 1, ())

    return fewest(tuple(sorted(lengths, reverse=True)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=problems(most=9))
def test_bounds_and_rows_enclose_the_optimum(problem):
    lengths, capacity, most = problem
    fewest = optimum(tuple(lengths), capacity, most or capacity)
    for packer in BY_HISTOGRAM:
        found = plan(np.bincount(lengths), capacity, packer, max_per_row=most)
        assert found.bound <= fewest <= found.rows, packer
    found = plan(np.bincount(lengths), capacity, max_per_row=most)
    assert found.rows <= fewest + 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=problems(most=8), worths=st.lists(st.floats(0, 1), min_size=30))
def test_any_worths_prove_a_bound(problem, worths):
    lengths, capacity, most = problem
    limit = most or capacity
    sizes, demand = np.unique(lengths, return_counts=True)
    worth = np.array([worths[size - 1] for size in sizes])
    bound = dual_bound(demand, sizes, worth, capacity, limit)
    assert bound <= optimum(tuple(lengths), capacity, limit)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=problems(most=6), seed=st.integers(0, 99))
def test_the_knapsack_finds_the_worthiest_row(problem, seed):
    lengths, capacity, most = problem
    limit = most or capacity
    sizes = np.unique(lengths)
    worth = np.random.default_rng(seed).integers(0, 20, len(sizes))
    knapsack = Knapsack(sizes, worth, capacity, limit)
    value = dict(zip(sizes.tolist(), worth.tolist(), strict=True))

    @functools.cache
    def best(space: int, room: int) -> int:
        fit = [s for s in value if s <= space and room]
        return max((value[s] + best(space - s, room - 1) for s in fit), default=0)

    for held, size in enumerate(sizes.tolist()):
        row = knapsack.row(held)
        assert size in row
        assert sum(row) <= capacity
        assert len(row) <= limit
        assert sum(value[s] for s in row) == knapsack.values[held]
        assert knapsack.values[held] == value[size] + best(capacity - size, limit - 1)


def planted(seed: int, rows: int, capacity: int, parts: int) -> np.ndarray:
    """A histogram whose optimum is `rows`: full rows, cut at random."""
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.integers(1, capacity, (rows, parts - 1)), axis=1)
    lengths = np.diff(cuts, axis=1, prepend=0, append=capacity)
    return np.bincount(lengths[lengths > 0], minlength=capacity + 1)


@pytest.mark.parametrize(("parts", "most"), [(2, 2), (3, 3), (4, None), (6, 6)])
def test_column_generation_finds_a_planted_optimum(parts: int, most: int | None):
    histogram = planted(parts, 20_000, 64, parts)
    found = plan(histogram, 64, "column_generation(gap=0)", max_per_row=most)
    assert found.bound == 20_000
    assert found.gap <= 2
    if parts == most == 3:
        simple = plan(histogram, 64, "best_fit_decreasing", max_per_row=most)
        assert simple.rows > 20_500


def test_the_linear_program_proves_what_counting_cannot():
    """Three of 5 fit no row of 14, so 30 of them take 15 rows, not 11."""
    histogram = np.bincount([5] * 30)
    found = plan(histogram, 14)
    assert (found.rows, found.bound, found.gap) == (15, 15, 0)
    assert counting_bound(np.pad(histogram, (0, 9)), 14, None) == 11


@pytest.mark.parametrize("packer", ["next_fit", "lpfhp", "one_per_row"])
def test_every_plan_has_the_linear_program_s_proof(packer: str):
    histogram = np.bincount([5] * 30)
    assert plan(histogram, 14, packer).bound == 15
    assert plan(histogram, 14, packer, proof_seconds=0.0).bound == 11
    # No 5 fits beside a 60, and two of 5 fill a row: not 40 / 2 rows, but 10 + 15.
    assert plan([0] * 5 + [30] + [0] * 54 + [10], 64, packer, max_per_row=2).bound == 25
    mixed = planted(0, 2_000, 64, 3)
    best = plan(mixed, 64, max_per_row=3)
    assert plan(mixed, 64, packer, max_per_row=3).bound == best.bound == 2_000
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match=f"proof_seconds={wrong}"):
            plan(histogram, 14, packer, proof_seconds=wrong)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problem=problems(most=7), shifts=st.lists(st.integers(0, 16), min_size=7))
def test_coarse_grids_prove_no_more_than_there_is(problem, shifts):
    """A cell becomes 17, and some lengths a few less: three grids before the last."""
    lengths, capacity, most = problem
    lengths = [17 * n - shift for n, shift in zip(lengths, shifts, strict=False)]
    capacity = 17 * max(capacity, 20)
    counts = np.bincount(lengths, minlength=capacity + 1)
    grids = list(_grids(counts, capacity))
    assert len(grids) > 2
    assert np.array_equal(grids[-1], counts)
    fewest = optimum(tuple(lengths), capacity, most or capacity)
    for grid in grids:
        cells = len(grid) - 1
        assert linear_bound(grid, cells, most, enough=99, seconds=9.0) <= fewest
    found = linear_bound(counts, capacity, most, enough=99, seconds=9.0)
    assert counting_bound(counts, capacity, most) <= found <= fewest


def test_coarse_grids_prove_what_the_program_has_no_time_for(
    monkeypatch: pytest.MonkeyPatch,
):
    """Three of 700 fit no row of 2,048, and the program of all cells is never asked."""
    master = linear_bound_module.Master

    def coarse(counts: Any, cells: int, *rest: Any) -> Any:
        assert cells < 2048, "the finest grid"
        return master(counts, cells, *rest)

    monkeypatch.setattr(linear_bound_module, "Master", coarse)
    histogram = np.bincount([700] * 300, minlength=2049)
    assert linear_bound(histogram, 2048, None, enough=150, seconds=9.0) == 150


def test_a_proof_that_ends_early_is_one():
    """Where three of 5 fit no row, cells alone prove less than the program."""
    histogram = planted(1, 500, 64, 3) + np.bincount([23] * 700, minlength=65)
    limits: Any = {"enough": 10**9, "seconds": 100.0}
    solved = linear_bound(histogram, 64, 3, **limits)
    assert counting_bound(histogram, 64, 3) < solved <= plan(histogram, 64).rows
    assert linear_bound(histogram, 64, 3, **(limits | {"seconds": 0.0})) == 0
    less = linear_bound(histogram, 64, 3, **(limits | {"enough": 100}))
    assert 100 <= less <= solved


def test_what_a_packer_proves_less_than_counting_does_not_stand_for_the_program():
    histogram = np.bincount([100] * 7 + [60] * 9 + [45] * 20 + [30] * 40)
    for packer in ("column_generation(gap=100)", "column_generation(seconds=0.0)"):
        assert plan(histogram, 128, packer).bound == 29
    weak = by_histogram(lambda h, c, *, max_per_row=None: ({(5,): 30}, 1))
    assert plan(np.bincount([5] * 30), 14, weak).bound == 15


def test_column_generation_stops_when_asked():
    histogram = planted(0, 20_000, 64, 3)
    first = plan(histogram, 64, "column_generation(seconds=0.0)", max_per_row=3)
    last = plan(histogram, 64, "column_generation", max_per_row=3)
    rough = plan(histogram, 64, "column_generation(gap=500)", max_per_row=3)
    assert last.gap < rough.gap <= 500
    assert last.rows < rough.rows
    assert first.bound <= last.bound
    simple = plan(histogram, 64, "lpfhp", max_per_row=3)
    assert last.rows < first.rows <= simple.rows


def test_worths_are_exact_ints():
    """A row of as many sequences as int32 can count would still fit int64."""
    assert 2**DIGITS * 512 < 2**63
    worth = np.array([1 / 3])
    bound = dual_bound(np.array([16_000_000]), np.array([5]), worth, 15, 15)
    assert bound == -(-16_000_000 // 3)
