"""Nothing is lost silently: what packing refuses, and what it says."""

import functools
import re
from typing import Any

import numpy as np
import pytest

from jaxpad.batching import (
    by_histogram,
    layout,
    length_buckets,
    pack,
    plan,
    sort_within_window,
    token_batches,
)


pytestmark = pytest.mark.every
NONE, ONE = np.zeros(0, int), [1]
REFUSED = [
    (pack, (NONE, 8), "lengths is empty: there is nothing to pack"),
    (pack, ([3, 0, 0], 8), "2 of 3 lengths are 0, such as lengths[1]"),
    (pack, ([3, -2], 8), "lengths[1] is -2: a length is at least 1"),
    (pack, ([3, 9, 11], 8), "2 of 3 sequences are longer than capacity=8; lengths[2]"),
    (pack, ([3, 9, 11], 8), "Take capacity=11, or say what becomes of them: jaxpad"),
    (pack, ([[3, 9]], 8), "lengths has shape (1, 2), but one axis was expected"),
    (pack, (ONE, 0), "capacity=0: expected an int of at least 1"),
    (pack, (ONE, 8, "next-fit"), "unknown packer 'next-fit'. Did you mean 'next_fit'?"),
    (pack, (ONE, 8, "ffd"), "Did you mean 'first_fit_decreasing'?"),
    (
        pack,
        (ONE, 8, "first_fit(open_rows=0)"),
        "open_rows=0: expected an int of at least 1",
    ),
    (
        pack,
        (ONE, 8, "first_fit(rows=2)"),
        "no option 'rows'; it takes max_per_row, open",
    ),
    (plan, (NONE, 8), "histogram is empty: it counts no sequence"),
    (plan, ([0, 0], 8), "histogram is empty: it counts no sequence"),
    (plan, ([2, 1], 8), "If your first number is of length 1, write np.insert(histogr"),
    (plan, ([0, 1, -1], 8), "histogram[2] is -1: a count is at least 0"),
    (
        plan,
        ([0, 1, 1, 2], 2),
        "2 of 4 sequences are longer than capacity=2; the longest",
    ),
    (plan, ([[0, 1]], 2), "histogram has shape (1, 2), but one axis was expected"),
    (layout, ([0, 2, 2], [3, 3, 3], 8), "rows leaves row 1 empty: number the rows"),
    (layout, ([0, 3], [3, 3], 8), "rows names row 3: expected 0 to R - 1"),
    (layout, ([0, -1], [3, 3], 8), "rows names row -1: expected 0 to R - 1"),
    (layout, ([0], [3, 3], 8), "rows has shape (1,), but there are 2 sequences"),
    (layout, ([0, 0], [5, 4], 8), "rows puts 9 cells into row 0, but capacity=8"),
    (layout, ([0, 1], [5, 0], 8), "1 of 2 lengths are 0, such as lengths[1]"),
    (layout, ([0, 1], [2**30, 2**30], 2**30), "which int32 cannot count: lay out"),
    (length_buckets, (ONE, 0), "k=0: expected an int of at least 1"),
    (sort_within_window, (ONE, 0), "window=0: expected an int of at least 1"),
    (token_batches, ([3, 9], 8), "1 of 2 sequences are longer than capacity=8"),
]
NOT_WHOLE = [
    (pack, ([1.5], 8), "lengths has dtype float64, but whole numbers"),
    (plan, ([0, 1.0], 8), "histogram has dtype float64, but counts were expected"),
    (layout, ([0.0], ONE, 8), "rows has dtype float64: expected numbers of rows"),
]


@pytest.mark.parametrize(("function", "arguments", "text"), REFUSED)
def test_refused(function: Any, arguments: tuple, text: str):
    with pytest.raises(ValueError, match=re.escape(text)):
        function(*arguments)


@pytest.mark.parametrize(("function", "arguments", "text"), NOT_WHOLE)
def test_not_whole(function: Any, arguments: tuple, text: str):
    with pytest.raises(TypeError, match=re.escape(text)):
        function(*arguments)


def test_max_per_row_is_a_number():
    with pytest.raises(
        ValueError, match="max_per_row=0: expected an int of at least 1"
    ):
        pack([1, 2], 8, max_per_row=0)
    with pytest.raises(
        ValueError, match="max_per_row=-3: expected an int of at least 1"
    ):
        plan([0, 1], 8, max_per_row=-3)


def test_counts_that_no_int_or_list_holds():
    for many in ([0, 2**62, 2**62], np.array([0, 2**63], np.uint64)):
        with pytest.raises(ValueError, match=r"cells, which int64 cannot count: .*2\*"):
            plan(many, 8, "lpfhp")
    most = [0, 2**62]
    assert plan(most, 8, "lpfhp").rows == 2**59
    with pytest.raises(ValueError, match='"first_fit_decreasing", which needs their'):
        plan(most, 8, "first_fit")


def test_too_many_full_rows_are_refused():
    with pytest.raises(ValueError, match=r"nnlshp: .* rows of capacity=2048 are full"):
        plan([0, 1], 2048, "nnlshp", max_per_row=6)


@by_histogram
def careless(histogram, capacity, *, max_per_row=None, made=None):
    return made


WRONG = [
    ({(5, 4): 1}, "puts the lengths (5, 4) into one row, 9 cells, but capacity=8"),
    (
        {(5,): 1, (4,): 2},
        "has 2 sequences of length 4 in its patterns, but there are 1",
    ),
    ({(5,): 1}, "has 0 sequences of length 4 in its patterns, but there are 1"),
    ({(9,): 1}, "puts the lengths (9,) into one row, 9 cells"),
]


@pytest.mark.parametrize(("made", "text"), WRONG)
def test_a_packer_that_breaks_its_promise_is_told(made: dict, text: str):
    def packer(lengths, capacity, *, max_per_row=None):
        return careless(lengths, capacity, max_per_row=max_per_row, made=made)

    with pytest.raises(ValueError, match=re.escape(text)):
        pack([5, 4], 8, packer)


BROKEN = [
    ([(5,), (4,)], TypeError, "'careless' returned a list: expected how many rows"),
    (None, TypeError, "'careless' returned a NoneType: expected how many rows hold"),
    (({(5,): 1, (4,): 1}, 1.5), TypeError, "returned 1.5 as the rows that are needed"),
    ({(5,): 1.0, (4,): 1}, TypeError, "'careless' returned {(5,): 1.0}: expected who"),
    ({(5.0,): 1, (4,): 1}, TypeError, "'careless' returned {(5.0,): 1}: expected who"),
    ({5: 1, 4: 1}, TypeError, "'careless' returned {5: 1}: expected whole numbers"),
    # Five and four once each, as it should be, but in rows below 0.
    ({(5,): 2, (4,): 2, (5, 1): -1, (4, 1): -1, (1, 1): 1}, ValueError, "{(5, 1): -1}"),
    ({(5,): 1, (4,): 1, (): 3}, ValueError, "{(): 3}: a row holds at least one seq"),
    ({(5,): 1, (-5,): 1}, ValueError, "'careless' returned {(-5,): 1}: a row holds at"),
]


@pytest.mark.parametrize(("made", "error", "text"), BROKEN)
def test_what_a_packer_of_counts_returns_is_read(made: Any, error: type, text: str):
    broken = functools.partial(careless, made=made)
    for call in (pack, ([5, 4], 8)), (plan, (np.bincount([5, 4]), 8)):
        with pytest.raises(error, match=re.escape(text)):
            call[0](*call[1], broken)


def test_patterns_may_be_in_numbers_of_numpy():
    held, rows = (np.int32(5),), np.int64(2)
    made = {held: rows, (np.int64(4),): np.int8(0)}, np.int64(2)
    assert plan([0, 0, 0, 0, 0, 2], 8, functools.partial(careless, made=made)).gap == 0


@pytest.mark.parametrize("call", [pack, plan])
def test_what_a_packer_in_order_returns_is_read(call: Any):
    def packer(lengths, capacity):
        return made

    given = [0, 1, 1] if call is plan else [1, 2]
    made: Any = {(1, 2): 1}
    with pytest.raises(TypeError, match=r"'packer' is a mapping: .* made by .*by_hi"):
        call(given, 8, packer)
    made = [[0], [0, 1]]
    with pytest.raises(ValueError, match=r"'packer' has an entry for each row: .* 2 s"):
        call(given, 8, packer)
    made = [0.0, 0.0]
    with pytest.raises(TypeError, match="packer 'packer' has dtype float64"):
        call(given, 8, packer)


def test_a_packer_without_a_limit_is_told():
    def packer(lengths, capacity):
        return np.arange(len(lengths))

    own: Any = packer
    assert pack([5, 4], 8, own).tolist() == [0, 1]
    with pytest.raises(
        TypeError, match=r"'packer' takes \(lengths, capacity\), but max"
    ):
        pack([5, 4], 8, own, max_per_row=1)
    with pytest.raises(TypeError, match=r"'packer' takes .* add \*, max_per_row=None"):
        by_histogram(own)


def test_a_false_proof_is_told():
    @by_histogram
    def boasting(histogram, capacity, *, max_per_row=None):
        return {(4,): 2}, 3

    with pytest.raises(ValueError, match="claims a proof that 3 rows are needed"):
        plan(np.bincount([4, 4]), 8, boasting)


def test_rows_of_a_user_are_checked():
    def full(lengths, capacity, *, max_per_row=None):
        return np.zeros(len(lengths), int)

    with pytest.raises(ValueError, match="puts 9 cells into row 0, but capacity=8"):
        pack([5, 4], 8, full)
    with pytest.raises(
        ValueError, match="puts 2 sequences into row 0, but max_per_row"
    ):
        pack([3, 4], 8, full, max_per_row=1)
