"""The table of cases names tests that are there."""

import ast
import pathlib

import pytest

from .cases import CASES, Case, place


ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_case_has_its_tests(case: Case):
    assert case.tests or case.left
    for test in case.tests:
        path, name = place(test)
        found = [
            node.name
            for node in ast.parse((ROOT / path).read_text()).body
            if isinstance(node, ast.FunctionDef)
        ]
        assert name in found


def test_all_are_there():
    assert len(CASES) == 40
