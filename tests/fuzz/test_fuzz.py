"""Every target under its law; `python -m tests.fuzz` runs many more cases."""

import pytest

from tests.fuzz.law import OUTCOMES, Target, run
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
def test_law(target: Target):
    OUTCOMES.clear()
    run(target, target.cases, seed=0)
    assert OUTCOMES["cases"] >= target.cases
    # Noise alone would be refused at the door.
    assert OUTCOMES["accepted"] > target.cases / 50


def test_ten_thousand_cases():
    assert sum(target.cases for target in TARGETS) >= 10_000
