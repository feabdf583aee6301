"""The study of batches without padding: its arms, their FLOPs, and its page."""

import itertools
import json
import sys
from typing import Any

import numpy as np
import pytest

from tests.studies import FOLDER, load


STUDY = FOLDER / "padding_free"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")
NAMES = [path.stem for path in STUDY.glob("*.py")]
DENSE = {"padded", "packed", "flat", "flat on packed"}
CHUNKED = {"padded chunked", "packed chunked"}


@pytest.fixture(scope="module")
def study():
    """The command; its sisters are found as when it is run, and forgotten after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STUDY)
        yield load("padding_free", "run")
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((STUDY / "results.json").read_text())


@pytest.fixture(scope="module")
def small(study: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of one point, in a folder of its own; without torch."""
    out = tmp_path_factory.mktemp("padding_free")
    arms, rows = sys.modules["arms"], sys.modules["rows"]
    size = arms.Size(sequences=6, width=96, heads=3, words=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "SIZE", size)
        patch.setattr(rows, "COUNTS", (6,))
        patch.setattr(sys.modules["in_torch"], "installed", lambda: False)
        grid = ["--lengths", "32", "--means", "0.6"]
        study.main([*grid, "--rounds", "2", "--out", str(out)])
    return out


def test_the_page_shows_the_results(study: Any, results: Any):
    page = (STUDY / "README.md").read_text()
    tables = study.tables(results)
    assert {"claims", "paper", "forward", "step", "flops", "torch"} < set(tables)
    for name, table in tables.items():
        assert f"<!-- {name} -->\n\n{table}\n\n<!-- end {name} -->" in page
    assert f"**Verdict: {results['verdict']}**" in page


def test_the_results_are_whole_and_the_verdict_follows(study: Any, results: Any):
    assert study.summary(results) == results
    places = {(p["length"], p["mean"]) for p in results["points"]}
    assert places == {(n, mean) for n in study.LENGTHS for mean in study.MEANS}
    assert results["setting"].items() >= study.SIZE._asdict().items()


def test_a_small_run_is_whole(study: Any, small: Any):
    """Every arm is there, and computes what the padded one does."""
    found = json.loads((small / "results.json").read_text())
    assert found["claims"]["every layout computes the same"]["holds"]
    (point,) = found["points"]
    assert set(point["arms"]) == DENSE
    for costs in point["arms"].values():
        for kind in ("forward", "step"):
            assert len(costs[kind]["ms"]) == 2
            assert costs[kind]["temporary"] > 0
    page = (small / "README.md").read_text()
    for name, table in study.tables(found).items():
        assert f"<!-- {name} -->\n\n{table}\n\n<!-- end {name} -->" in page
    assert (small / "padding_free.svg").exists()


def test_the_flops_are_the_formula_s(study: Any, small: Any):
    """At sizes that are not the study's. XLA counts more: norms, softmax and so on."""
    arms, report = sys.modules["arms"], sys.modules["report"]
    found = json.loads((small / "results.json").read_text())
    size, (point,) = report.size_of(found), found["points"]
    cells = {arm: costs["cells"] for arm, costs in point["arms"].items()}
    tokens, rows = point["tokens"], point["arms"]["packed"]["area"] // 32**2
    assert tokens < 32 * rows < 32 * 6
    assert cells["flat"] == cells["flat on packed"] == tokens
    assert (cells["padded"], cells["packed"]) == (32 * 6, 32 * rows)
    for kind, arm in itertools.product(arms.KINDS, sorted(DENSE)):
        costs = point["arms"][arm]
        law = arms.formula(kind, costs["cells"], costs["area"], size)
        assert 1 < costs[kind]["flops"] / law < 1.15
        part = report.expected(point, kind, arm, size)
        assert report.counted(point, kind, arm) == pytest.approx(part, rel=0.02)


def test_the_formula_by_hand(study: Any):
    """One cell of one block: 4 projections of 2 x 2, two dense layers of 2 x 8."""
    arms = sys.modules["arms"]
    size = arms.Size(width=2, depth=1)
    assert arms.formula("forward", 1, 0, size) == 2 * (4 * 4 + 2 * 16)
    # A score is a product over 2 features; its value is added to 2 features.
    assert arms.formula("forward", 0, 1, size) == 2 * (2 + 2)
    assert arms.formula("step", 3, 5, size) == 3 * arms.formula("forward", 3, 5, size)


@pytest.mark.parametrize(
    ("mean", "low", "high"), [(0.2, 1, 19), (0.6, 10, 50), (0.8, 30, 50), (1.0, 50, 50)]
)
def test_lengths_are_spread_about_the_mean(
    study: Any, mean: float, low: int, high: int
):
    arms = sys.modules["arms"]
    lengths = [len(s) for s in arms.drawn(50, mean, arms.Size(sequences=2000))]
    assert (min(lengths), max(lengths)) == (low, high)
    assert np.mean(lengths) == pytest.approx(50 * mean, rel=0.03)


def test_long_rows_are_computed_in_blocks_too(study: Any, monkeypatch: Any):
    arms = sys.modules["arms"]
    sequences = arms.drawn(8, 0.6, arms.Size(sequences=4))
    assert set(arms.arms(sequences, 8)) == DENSE
    monkeypatch.setattr(arms, "CHUNK", 4)
    found = arms.arms(sequences, 8)
    assert set(found) == DENSE | CHUNKED
    for name in CHUNKED:
        assert found[name].implementation == "chunked(chunk=4)"
        assert found[name].batch is found[name.removesuffix(" chunked")].batch


@pytest.mark.parametrize(
    ("name", "lengths"), [("FirstFit", (5, 4, 3, 4)), ("BestFit", (5, 4, 4, 3))]
)
def test_grain_packs_the_rows_that_are_known(study: Any, name: str, lengths: Any):
    """Two rows of 8: 5 and 3, 4 and 4."""
    sequences = [np.zeros(n, np.int32) for n in lengths]
    assert sys.modules["rows"].by_grain(name, sequences, 8) == 2


def ideal(study: Any) -> Any:
    """A point at which every claim holds: half padding, packed without a gap."""
    arms, size = sys.modules["arms"], study.SIZE
    cells = {"padded": 160, "packed": 80, "flat": 80, "flat on packed": 80}
    area = {"padded": 1600, "packed": 800, "flat": 1600, "flat on packed": 800}
    point: Any = {"length": 10, "mean": 0.5, "tokens": 80, "arms": {}}
    for name in cells:
        point["arms"][name] = {"cells": cells[name], "area": area[name]}
        for kind in arms.KINDS:
            law = arms.formula(kind, cells[name], area[name], size)
            same = {"difference": 0.0, "flops": 1.05 * law}
            point["arms"][name][kind] = {**same, "ms": [law] * 7}
    nested = {"difference": 0.0, "ms": point["arms"]["padded"]["forward"]["ms"]}
    point["arms"]["torch nested"] = {"forward": nested}
    return point


def test_every_claim_can_hold(study: Any):
    claims = sys.modules["report"].judge([ideal(study)], study.SIZE)
    assert all(claim["holds"] for claim in claims.values())
    full = {**ideal(study), "mean": 1.0}
    assert sys.modules["report"].judge([full], study.SIZE) == {}


@pytest.mark.parametrize(
    ("claim", "arm", "key", "factor", "others"),
    [
        ("every layout computes the same", "flat", "difference", None, 0),
        ("XLA's FLOPs are the formula's", "flat", "flops", 1.03, 0),
        ("flat is faster than padded", "flat", "ms", 2.0, 1),
        ("time is saved as FLOPs are", "flat on packed", "ms", 1.2, 0),
        ("time is saved as FLOPs are", "flat on packed", "ms", 0.8, 0),
        ("packed rows are faster than flat", "packed", "ms", 1.13, 0),
        ("the fastest layout is faster than PyTorch", "torch nested", "ms", 0.4, 0),
    ],
)
def test_each_claim_turns_by_the_number_it_is_about(
    study: Any, claim: str, arm: str, key: str, factor: float | None, others: int
):
    """And no other does, but that time is not saved as FLOPs are."""
    point = ideal(study)
    for kind in point["arms"][arm].keys() & {"forward", "step"}:
        found = point["arms"][arm][kind]
        if factor is None:
            found[key] = 2e-5
        else:
            found[key] = (factor * np.array(found[key])).tolist()
    claims = sys.modules["report"].judge([point], study.SIZE)
    failed = [name for name, it in claims.items() if it["holds"] is False]
    assert sum(name.startswith(claim) for name in failed) == 1
    assert len(failed) == 1 + others
    results = dict.fromkeys((*sys.modules["report"].MACHINE, "rows"))
    results |= {"points": [point], "setting": study.SIZE._asdict()}
    assert study.summary(results)["verdict"] == "does not hold"


def test_the_fastest_has_to_cost_its_tokens(study: Any):
    point = ideal(study)
    point["tokens"] = 70
    claims = sys.modules["report"].judge([point], study.SIZE)
    claim = claims["the fastest layout costs its share of the tokens"]
    assert claim["holds"] is False
    assert (
        claim["here"] == "at 0 of 2 points, by the median at 0; up to 1.14 times that"
    )


def test_what_may_be_as_fast_is_open(study: Any):
    """An interval with 1 in it neither shows a claim nor refutes it."""
    report, point = sys.modules["report"], ideal(study)
    base = point["arms"]["padded"]["step"]["ms"][0]
    point["arms"]["flat"]["step"]["ms"] = [f * base for f in (0.8,) * 6 + (1.1,)]
    claims = report.judge([point], study.SIZE)
    claim = claims["flat is faster than padded wherever there is padding"]
    assert claim["holds"] is None
    assert claim["here"].startswith("at 1 of 2 points, slower at 0; ")
    assert report.beside(point, "step", "flat") == (0.8, 0.8, 1.1)
    # Of eleven rounds the outermost on each side may be left out: 12 / 2048 < 0.025.
    point["arms"]["flat"]["step"]["ms"] = [base * n / 10 for n in range(1, 12)]
    point["arms"]["padded"]["step"]["ms"] = [base] * 11
    assert report.beside(point, "step", "flat") == pytest.approx((0.6, 0.2, 1.0))


def test_pytorch_computes_the_same(study: Any, monkeypatch: pytest.MonkeyPatch):
    """An encoder that is not ours, padded and nested."""
    pytest.importorskip("torch", exc_type=ImportError)
    arms, peer = sys.modules["arms"], sys.modules["in_torch"]
    size = arms.Size(sequences=4, width=16, depth=2, heads=2, words=8)
    arm = arms.arms(arms.drawn(8, 0.6, size), 8)["padded"]
    _, parameters = arms.model(8, size, None, "dense")
    wanted = arms.outputs(
        arm, arms.compiled("forward", arm, size)(parameters, arm.batch)
    )
    found = peer.calls(parameters, arm.batch, size)
    for kinds in found.values():
        out = peer.outputs(kinds["forward"](), arm.batch)
        np.testing.assert_allclose(out, wanted, atol=1e-5)
    loss, _ = arms.compiled("step", arm, size)(parameters, arm.batch)
    assert found["torch padded"]["step"]() == pytest.approx(float(loss), abs=1e-5)
