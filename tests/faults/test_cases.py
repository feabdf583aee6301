"""The table of cases names tests that are there."""

import ast
import pathlib

import pytest

from .cases import CASES, Case


TESTS = pathlib.Path(__file__).parents[1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_case_has_its_tests(case: Case):
    assert case.tests or case.left
    for test in case.tests:
        place, name = test.split("::")
        folder, _, file = place.rpartition("/")
        path = TESTS / folder / f"test_{file}.py"
        found = [
            node.name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef)
        ]
        assert f"test_{name}" in found


def test_all_are_there():
    assert len(CASES) == 40
