"""The study of packing: what it reads and counts, and that its page says it."""

import json
import pathlib
import re
import sys
from typing import Any

import chex
import numpy as np
import pytest
from flax import nnx

from jaxpad.batching import PACKERS, pack_sequences
from tests.studies import FOLDER, load


STUDY = FOLDER / "packing"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")
NAMES = [path.stem for path in STUDY.glob("*.py")]
# 2 x (5 + 3), 3 x (4 + 4) and one of 8: six full rows of 8, if two may share a row.
COUNTS = [0, 0, 0, 2, 6, 2, 0, 0, 1]


@pytest.fixture(scope="module")
def study():
    """The command; its sisters are found as when it is run, and forgotten after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(STUDY)
        yield load("packing", "run")
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((STUDY / "results.json").read_text())


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "counts.npy"
    np.save(path, np.array(COUNTS))
    return path


def test_the_page_shows_the_results(study: Any, results: Any):
    page = (STUDY / "README.md").read_text()
    tables = study.tables_of(results)
    assert set(tables) == {
        *("claims", "efficiency", "rows", "times", "unpacked", "learned")
    }
    for name, table in tables.items():
        assert f"<!-- {name} -->\n\n{table}\n\n<!-- end {name} -->" in page
    assert f"**Verdict: {results['verdict']}**" in page


def test_the_results_are_whole_and_the_verdict_follows(study: Any, results: Any):
    assert study.summary(results, results["device"]) == results
    assert set(results["tables"]["bounds"]) == {"1", "2", "3", "4", "8", "any"}
    packers = results["tables"]["packers"]
    assert set(packers) == set(PACKERS)
    for name, of_depth in packers.items():
        asked = set(results["tables"]["bounds"]) - {"any" if name == "nnlshp" else ""}
        assert set(of_depth) == asked
        for depth, found in of_depth.items():
            if "refused" not in found:
                assert found["rows"] >= results["tables"]["bounds"][depth]


@pytest.mark.parametrize(
    ("claim", "packer", "depth", "change"),
    [
        ("packing halves the rows", "lpfhp", "any", {"rows": 10**6}),
        ("lpfhp leaves hardly any padding", "lpfhp", "any", {"efficiency": 0.98}),
        ("lpfhp takes no more rows than spfhp", "spfhp", "3", {"rows": 1}),
        ("nnlshp is the best of the three at depth 3", "nnlshp", "3", "best"),
        ("depth 3 is nearly enough", "nnlshp", "3", "best"),
        ("spfhp and lpfhp take no time", "lpfhp", "8", {"seconds": 0.2}),
    ],
)
def test_each_claim_turns_by_the_number_it_is_about(
    study: Any, results: Any, claim: str, packer: str, depth: str, change: Any
):
    before = study.summary(results, "")["claims"][claim]["verdict"]
    other = json.loads(json.dumps(results))
    change = {"efficiency": 1.0} if change == "best" else change
    other["tables"]["packers"][packer][depth].update(change)
    assert study.summary(other, "")["claims"][claim]["verdict"] != before


@pytest.mark.parametrize(
    ("packed", "unmasked", "verdicts"),
    [
        (0.0, 0.5, ("holds", "holds")),
        (0.015, 0.0, ("holds", "does not hold")),
        (0.03, 0.031, ("does not hold", "cannot be told")),
        (0.02, 0.5, ("cannot be told", "holds")),
    ],
)
def test_claims_about_learning_turn_by_the_test_losses(
    study: Any, results: Any, packed: float, unmasked: float, verdicts: tuple[str, str]
):
    other = json.loads(json.dumps(results))
    noise = np.random.default_rng(0).normal(0, 0.001, (2, 5))
    shifts = {"padded": np.zeros(5)}
    shifts["packed"] = shifts["padded"] + packed + noise[0]
    shifts["packed without a mask"] = shifts["packed"] + unmasked - packed + noise[1]
    for name, runs in other["curves"].items():
        for seed, run in runs.items():
            run["loss"] = 2.0 + 0.1 * int(seed) + shifts[name][int(seed)]
    found = study.summary(other, "")["claims"]
    names = ("packed teaches as padded, text for text", "without a mask it learns less")
    assert tuple(found[name]["verdict"] for name in names) == verdicts


def test_only_training_is_without_a_mask(study: Any):
    unmasked = load("packing", "unmasked")
    options: Any = {"depth": 1, "positions": "rotary", "rngs": nnx.Rngs(0)}
    network = unmasked.bert_tiny(9, 9, **options)
    network.eval()
    batch = pack_sequences([[1, 2, 3], [4, 5], [6]], 6)
    chex.assert_trees_all_equal(network(batch), network.network(batch))
    other = pack_sequences([[1, 2, 3], [7, 5], [6]], 6)
    network.train()
    one, two = (network(b).values[0, :3] for b in (batch, other))
    assert np.abs(one - two).max() > 1e-4
    # A row with one text is as it is with a mask.
    alone = pack_sequences([[1, 2, 3, 4]], 6)
    np.testing.assert_array_equal(network(alone).values, network.network(alone).values)


@pytest.mark.slow
def test_the_arms_are_trained_and_read(study: Any, tmp_path: Any, monkeypatch: Any):
    curves = sys.modules["curves"]
    monkeypatch.setattr(curves, "SEEDS", 2)
    small = {
        "capacity": 64,
        "batch_size": 32,
        "eval_batch_size": 512,
        "steps": 40,
        "warmup_epochs": 0.005,
    }
    flags = [f"--config.{key}={value}" for key, value in small.items()]
    found = curves.measure(tmp_path, flags)
    assert set(found) == set(curves.ARMS)
    for name, runs in found.items():
        assert set(runs) == {"0", "1"}
        for run in runs.values():
            texts, losses = np.array(run["curve"]).T
            assert run["steps"] == 40
            assert len(texts) == curves.POINTS
            assert (np.diff(texts) > 0).all()
            assert losses[-1] < losses[0] - 1
            # Rows are whole, and the first of an order may hold more texts.
            assert run["texts"] == pytest.approx(40 * 32, rel=0.2)
        assert len({run["loss"] for run in runs.values()}) == 2, name


def test_a_file_gives_the_rows_that_are_known(
    study: Any, file: pathlib.Path, capsys: pytest.CaptureFixture, tmp_path: Any
):
    page = (STUDY / "README.md").read_text()
    study.main(["--histogram", str(file), "--out", str(tmp_path / "out")])
    assert "sequences: 11, tokens: 48" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "results.json").read_text())["tables"]
    assert found["bounds"] == {"1": 11, **dict.fromkeys(("2", "3", "4", "8", "any"), 6)}
    for name in ("lpfhp", "first_fit_decreasing", "column_generation"):
        assert {it["rows"] for it in found["packers"][name].values()} == {11, 6}
        assert found["packers"][name]["2"]["efficiency"] == 1
    assert (tmp_path / "out" / "efficiency.svg").exists()
    # The study's own page is of the text job, and stays as it is.
    assert (STUDY / "README.md").read_text() == page


def test_without_a_folder_a_file_writes_nothing(
    study: Any, file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(study, "HERE", file.parent)
    study.main(["--histogram", str(file)])
    assert [path.name for path in file.parent.iterdir()] == ["counts.npy"]


def test_results_of_other_lengths_are_not_mixed(
    study: Any, file: pathlib.Path, capsys: pytest.CaptureFixture, tmp_path: Any
):
    out = tmp_path / "out"
    study.main(["unpacked", "--histogram", str(file), "--out", str(out)])
    np.save(file.with_name("other.npy"), np.array([*COUNTS, 1]))
    other = str(file.with_name("other.npy"))
    with pytest.raises(SystemExit):
        study.main(["tables", "--histogram", other, "--out", str(out)])
    assert "is of counts.npy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", json.dumps(COUNTS)),
        ("a.txt", "\n".join(map(str, COUNTS[1:]))),
        ("b.txt", "\n".join(map(str, [*COUNTS[1:], 0, 0])) + "\n"),
    ],
)
def test_forms_of_a_histogram(study: Any, tmp_path: Any, name: str, text: str):
    (tmp_path / name).write_text(text)
    np.testing.assert_array_equal(study.read(tmp_path / name), COUNTS)
    wider = study.read(tmp_path / name, 10)
    np.testing.assert_array_equal(wider, [*COUNTS, 0, 0])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "1", "ends in '.csv'"),
        ("a.txt", "3\nx\n", "line 2 is 'x'"),
        ("a.txt", "3\n-1\n", r"histogram\[2\] is -1"),
        ("a.txt", "0\n0\n", "counts no sequence"),
        ("a.json", "[1, 2]", "sequences of length 0"),
        ("a.json", '{"1": 2}', "no list of whole numbers"),
        ("a.json", "[0, 1.5]", "no list of whole numbers"),
        ("a.json", "[0, 1", "Expecting"),
        ("a.npy", "text", "a.npy"),
    ],
)
def test_bad_files_are_told(
    study: Any, tmp_path: Any, name: str, content: str, words: str
):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=words) as told:
        study.read(tmp_path / name)
    assert re.search(r"expected .*\.npy .*\.json .*\.txt", str(told.value), re.I)
    assert str(tmp_path / name) in str(told.value)


def test_bad_arrays_and_capacities_are_told(study: Any, tmp_path: Any):
    with pytest.raises(ValueError, match="is not there"):
        study.read(tmp_path / "none.npy")
    np.save(tmp_path / "a.npy", np.ones((2, 2), int))
    with pytest.raises(ValueError, match="one axis"):
        study.read(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.array(COUNTS))
    with pytest.raises(ValueError, match="longer than capacity=7"):
        study.read(tmp_path / "b.npy", 7)
    with pytest.raises(ValueError, match="--capacity=0"):
        study.lengths_of(None, 0)


def test_the_best_proof_counts(study: Any, monkeypatch: pytest.MonkeyPatch):
    """Nine of 4 cells fill 36 of 40, but in a row of 10 there is room for two."""
    monkeypatch.setattr(study.tables, "PACKERS", ["column_generation", "one_per_row"])
    found = study.tables.measure(np.array([0] * 4 + [9] + [0] * 6), lambda text: None)
    assert found["bounds"] == {"1": 9, **dict.fromkeys(("2", "3", "4", "8", "any"), 5)}


def test_what_is_not_packed_is_counted_by_hand(study: Any):
    unpacked = sys.modules["unpacked"]
    # Whatever the order, three batches of two: 2 x (1 + 3 + 3) if ones are together.
    lengths = np.array([1, 1, 3, 3, 3, 3])
    found = {
        round(unpacked.random_batches(lengths, 2, seed)[0], 6) for seed in range(9)
    }
    assert found == {1.0, round(14 / 18, 6)}
    # The last batch has one sequence, and costs its own cells only.
    assert unpacked.random_batches(np.array([2, 2, 2]), 2, 0) == (1.0, 1)
    ways = unpacked.measure(np.array(COUNTS), lambda text: None)
    assert ways["all padded to the capacity"]["efficiency"] == round(48 / 88, 6)
    assert ways["4 buckets, the best edges"] == {
        "efficiency": 1.0,
        "edges": [3, 4, 5, 8],
        "shapes": 4,
    }


def test_short_measurements_are_repeated(study: Any, monkeypatch: Any):
    """The fewest of five; a long one is made once."""
    for taken, calls in (([3, 1, 2, 4, 5], 5), ([300], 1)):
        clock = iter(np.cumsum([t for s in taken for t in (0, s / 1000)]))
        monkeypatch.setattr(study.tables.time, "process_time", lambda c=clock: next(c))
        made = []
        _, seconds = study.tables.timed(lambda made=made: made.append(1))
        assert (len(made), seconds) == (calls, pytest.approx(min(taken) / 1000))
