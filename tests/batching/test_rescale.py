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
    """Parts are shared evenly too, where those of the batch are."""
    least = math.lcm(parts, multiple)
    before = Step(rows * least, parts)
    made = RESCALES["rows"](factor, before, multiple)
    even = before.rows % (parts * multiple) == 0
    unit = parts * multiple if even else math.gcd(before.rows, parts * multiple)
    assert made.rows % unit == made.rows % least == 0
    assert made.parts == parts
    wanted = max(unit, before.rows / factor)
    assert abs(made.rows - wanted) <= unit / 2


@given(
    factor=st.floats(1, 20),
    rows=st.integers(1, 64),
    parts=st.integers(1, 16),
    multiple=st.integers(1, 8),
)
def test_parts_keep_their_rows(factor: float, rows: int, parts: int, multiple: int):
    """The fewest that are enough, and that the devices share."""
    rows *= multiple // math.gcd(multiple, rows * parts)
    made = RESCALES["accumulate"](factor, Step(rows * parts, parts), multiple)
    assert made.rows == rows * made.parts
    fewest = range(math.ceil(parts / factor), parts + 1)
    assert made.parts == next(n for n in fewest if n * rows % multiple == 0)


@pytest.mark.parametrize("name", ["none", "betas"])
def test_rows_stay(name: str):
    power = {"none": 1.0, "betas": 3.0}[name]
    assert RESCALES[name](3.0, Step(64, 2), 8) == Step(64, 2, power)


@pytest.mark.parametrize("name", RESCALES)
@pytest.mark.parametrize("step", [Step(64, 2), Step(8, 2), Step(24, 3)])
def test_one_sequence_a_row_changes_nothing(name: str, step: Step):
    assert RESCALES[name](1.0, step, 8) == step
