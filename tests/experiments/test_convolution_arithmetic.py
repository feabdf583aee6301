"""The study of the guide says what its command writes."""

import json
import pathlib
import runpy
import sys

import pytest


STUDY = pathlib.Path(__file__).parents[2] / "experiments" / "convolution_arithmetic"
pytestmark = pytest.mark.skipif(not STUDY.exists(), reason="no experiments/ beside")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> pathlib.Path:
    """What the command writes now, on a grid of its own that is smaller."""
    folder = tmp_path_factory.mktemp("study")
    sys.path.insert(0, str(STUDY))
    try:
        study = runpy.run_path(str(STUDY / "run.py"))
    finally:
        sys.path.remove(str(STUDY))
        sys.modules.pop("counting", None)
    study["VALUES"].update({"i": range(1, 5), "k": range(1, 4), "hi": (0, 3)})
    study["main"](["--out", str(folder)])
    return folder


def test_figures_are_those_that_are_drawn_now(written):
    names = sorted(path.name for path in (written / "figures").iterdir())
    assert names == sorted(path.name for path in (STUDY / "figures").iterdir())
    for name in names:
        drawn = (written / "figures" / name).read_text()
        assert drawn == (STUDY / "figures" / name).read_text(), name


def test_nothing_has_changed_since(written):
    then = json.loads((STUDY / "results.json").read_text())
    now = json.loads((written / "results.json").read_text())
    for key in ("question", "verdict", "paper", "command", "figures", "erratum"):
        assert now[key] == then[key]
    assert list(now["relations"]) == list(then["relations"])


def test_numbers_in_the_readme_are_those_of_the_results():
    text = (STUDY / "README.md").read_text()
    results = json.loads((STUDY / "results.json").read_text())
    guide = [row for number, row in results["relations"].items() if number.isdigit()]
    others = [row for row in results["relations"].values() if row not in guide]
    torch = results["torch"]
    rows = {"15 relations": guide, "4 relations": others, torch["version"]: [torch]}
    for words, counted in rows.items():
        (line,) = [line for line in text.splitlines() if words in line and "|" in line]
        total = sum(row["configurations"] for row in counted)
        wrong = sum(row["mismatches"] for row in counted)
        assert f"{wrong} of {total} " in line
    wrong = sum(row["drawn"] != row["guide"] for row in results["figures"])
    assert f"{wrong} of {len(results['figures'])} differ" in text
    assert f"**Verdict: {results['verdict']}**" in text


def test_every_figure_is_shown():
    text = (STUDY / "README.md").read_text()
    for figure in (STUDY / "figures").iterdir():
        assert f"](figures/{figure.name})" in text
        assert figure.stat().st_size < 50_000
