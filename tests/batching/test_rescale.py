"""What a step keeps when rows hold several sequences."""

import math

import pytest
from hypothesis import given, strategies as st

from jaxpad.batching import RESCALES
from jaxpad.batching.rescale import Step


def test_as_many_sequences():
    made = RESCALES["rows"](2.56, Step(64, 1), 1)
    assert made == Step(25, 1)
    assert abs(25 * 2.56 - 64) < 2.56 / 2


@given(
    factor=st.floats(1, 20),
    rows=st.integers(1, 64),
    parts=st.integers(1, 4),
    multiple=st.integers(1, 8),
)
def test_rows_divide(factor: float, rows: int, parts: int, multiple: int):
    unit = parts * multiple
    made = RESCALES["rows"](factor, Step(rows * unit, parts), multiple)
    assert made.rows % unit == 0
    assert made.rows >= unit
    assert made.parts == parts
    wanted = max(unit, rows * unit / factor)
    assert abs(made.rows - wanted) <= unit / 2


@given(factor=st.floats(1, 20), rows=st.integers(1, 64), parts=st.integers(1, 16))
def test_parts_keep_their_rows(factor: float, rows: int, parts: int):
    made = RESCALES["accumulate"](factor, Step(rows * parts, parts), 1)
    assert made.rows == rows * made.parts
    assert made.parts == math.ceil(parts / factor)


@pytest.mark.parametrize("name", ["none", "betas"])
def test_rows_stay(name: str):
    power = {"none": 1.0, "betas": 3.0}[name]
    assert RESCALES[name](3.0, Step(64, 2), 8) == Step(64, 2, power)


@pytest.mark.parametrize("name", RESCALES)
def test_one_sequence_a_row_changes_nothing(name: str):
    assert RESCALES[name](1.0, Step(64, 2), 8) == Step(64, 2, 1.0)
