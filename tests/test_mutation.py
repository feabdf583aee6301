"""The bugs of scripts/mutation.py can still be planted."""

import importlib.util
import pathlib
from types import ModuleType

import pytest

from .faults.cases import CASES, Case, place


ROOT = pathlib.Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "mutation.py"


@pytest.fixture(scope="module")
def mutation() -> ModuleType:
    if not SCRIPT.exists():
        pytest.skip("no scripts/ beside these tests")
    spec = importlib.util.spec_from_file_location("mutation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_bug_can_be_planted(mutation: ModuleType):
    assert [bug.name for bug in mutation.BUGS if not mutation.occurs_once(bug)] == []
    files = {bug.tests.partition("::")[0] for bug in mutation.BUGS}
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_a_text_that_is_gone_is_noticed(mutation: ModuleType):
    gone = mutation.BUGS[0]._replace(right="no such text")
    assert not mutation.occurs_once(gone)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_case_of_faults_has_a_bug(case: Case, mutation: ModuleType):
    """Its safeguard can be taken out, for a test that the table names to fail."""
    bugs = [bug for test in case.tests for bug in mutation.aimed_at(*place(test))]
    assert bugs or not case.tests, f"no bug is aimed at one of {case.tests}"


def test_a_bug_is_aimed_at_a_test_that_is_there(mutation: ModuleType):
    aimed = [bug.tests.split("::") for bug in mutation.BUGS if "::" in bug.tests]
    assert [
        (file, test)
        for file, test in aimed
        if f"\ndef {test}(" not in (ROOT / file).read_text()
    ] == []


def test_a_bug_of_the_file_is_not_one_of_the_test(mutation: ModuleType):
    file = next(bug.tests for bug in mutation.BUGS if "::" not in bug.tests)
    assert mutation.aimed_at(file, "test_of_it") == []
