"""The study of decoders' frequencies: its checks, its failures, its results."""

import copy
import json
import sys
from typing import Any

import jax
import numpy as np
import pytest

from tests.studies import FOLDER, load


STUDY = FOLDER / "decoder_spectrum"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")


@pytest.fixture(scope="module")
def study():
    """run.py, with the scripts beside it."""
    sys.path.insert(0, str(STUDY))
    try:
        yield load("decoder_spectrum", "run")
    finally:
        sys.path.remove(str(STUDY))


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((STUDY / "results.json").read_text())


@pytest.mark.slow
def test_the_theorems_hold_on_another_case(study: Any, results: Any):
    found = study.theorems.run(range(99, 100))
    assert {
        name for name, row in found.items() if row["largest error"] > 1e-10
    } == set()
    assert list(found) == list(results["theorems"])


def test_a_wrong_theorem_has_a_large_error(study: Any, monkeypatch: Any):
    """The checks can fail: transfers that read backwards, one weight too few."""
    theorems, rng = study.theorems, np.random.default_rng
    right = theorems.transfer
    with jax.enable_x64(True):
        monkeypatch.setattr(
            theorems, "transfer", lambda *args, **kwargs: right(*args, **kwargs).conj()
        )
        assert theorems.theorem_3_2(rng(0)) > 0.1
        assert theorems.corollary_3_4(rng(0)) > 0.1
        assert theorems.apart(theorems.mixing(3, 2, 1), theorems.mixing(3, 2, 2)) > 0.1


def test_the_statements_fail(study: Any, results: Any):
    found = study.failures.run()
    assert all(row["fails"] for row in found.values())
    assert list(found) == list(results["statements"])


def test_photographs_are_a_function_of_the_seed(study: Any):
    once, again = (study.networks.photographs(seed) for seed in (3, 3))
    np.testing.assert_array_equal(once, again)
    assert once.shape == (32, 32, 32, 3)
    assert 0 <= once.min() < once.max() <= 1
    assert not np.array_equal(once, study.networks.photographs(4))


def test_enlarging_by_the_spectrum_repeats_cells(study: Any):
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    repeated = x.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(
        study.networks.enlarge(x, "nearest"), repeated, atol=1e-5
    )


def test_the_second_share_leaves_out_frequency_0(study: Any):
    noise = np.random.default_rng(0).normal(size=(8, 32, 32, 4)).astype(np.float32)
    with_mean, without = (study.networks.low(noise + m)[1] for m in (10, 0))
    assert study.networks.low(noise + 10)[0] > 95
    assert float(with_mean) == pytest.approx(float(without), rel=1e-3)
    assert float(without) == pytest.approx(100 * 63 / 1023, rel=0.1)


@pytest.mark.parametrize("part", ["upsampling", "kernel size"])
def test_the_results_are_of_this_code(study: Any, results: Any, part: str):
    def compare(found: Any, expected: Any) -> None:
        if isinstance(found, dict):
            for key in found:
                compare(found[key], expected[key])
        else:
            assert found == pytest.approx(expected["values"][0], abs=0.05)

    compare(study.networks.MEASUREMENTS[part](0), results["measured"][part])


def test_claims_and_verdict_follow_from_the_results(study: Any, results: Any):
    assert study.claims.judge(results["measured"]) == results["claims"]
    assert study.judge(results) == results["verdict"]


def test_a_changed_value_changes_a_claim(study: Any, results: Any):
    measured = copy.deepcopy(results["measured"])
    measured["padding"]["noise"]["zero"]["values"][0] = 101.0
    before = results["claims"]["zero padding"]["holds"]
    after = study.claims.judge(measured)["zero padding"]["holds"]
    assert after["noise"] == before["noise"] + 1
    assert after["photographs"] == before["photographs"]


def test_the_verdict_needs_everything(study: Any):
    results: Any = {
        "theorems": {"a": {"largest error": 1e-12}},
        "statements": {},
        "claims": {"b": {"seeds": 2, "holds": {"noise": 2}}},
    }
    assert study.judge(results) == "holds"
    for part, row in (
        ("theorems", {"largest error": 1e-3}),
        ("statements", {"fails": True}),
        ("claims", {"seeds": 2, "holds": {"noise": 1}}),
    ):
        worse = copy.deepcopy(results)
        worse[part]["c"] = row
        assert study.judge(worse) == "does not hold"


def test_the_page_says_what_the_results_say(study: Any, results: Any):
    page = (STUDY / "README.md").read_text()
    assert f"**Verdict: {results['verdict']}**" in page
    tables = study.readme.tables(results)
    assert all(f"<!-- {name} -->\n\n{table}" in page for name, table in tables.items())
    assert study.readme.fill(page, results) == page
