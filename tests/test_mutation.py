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
    """Its safeguard can be taken out, for one of its tests to fail."""
    bugs = [bug for test in case.tests for bug in mutation.aimed_at(*place(test))]
    assert bugs or not case.tests
