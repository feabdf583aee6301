"""What a sweep makes of folders: which runs are finished, together, or damaged."""

import pathlib
from typing import Any

import pytest

from jaxpad.train.sweep import runs_of
from jaxpad.train.sweep.board import figure, summary
from jaxpad.train.sweep.places import places
from jaxpad.train.sweep.processes import Queue
from jaxpad.train.sweep.runs import Run, seeds

from .tiny import tiny_config


def finished(folder: pathlib.Path, results: str) -> Run:
    folder.mkdir(parents=True)
    for name, text in {
        "config.json": "{}",
        "results.json": results,
        "report.html": "",
    }.items():
        (folder / name).write_text(text)
    return Run({"seed": int(folder.name)}, folder)


def test_a_look_that_is_asked_for_later_is_still_to_do(tmp_path: pathlib.Path):
    config: Any = tiny_config()
    (plain,) = runs_of(config, [{"seed": 0}], tmp_path)
    config.borders = True
    (looking,) = runs_of(config, [{"seed": 0}], tmp_path)
    assert plain.folder == looking.folder
    assert plain.state == looking.state == "not begun"
    plain.folder.mkdir()
    (plain.folder / "config.json").touch()
    (plain.folder / "report.html").touch()
    assert (plain.state, looking.state) == ("finished", "broken off")
    (plain.folder / "borders.json").touch()
    assert looking.state == "finished"


def test_a_run_without_a_seed_of_its_own_is_in_no_group():
    arms = [{"padding": "zero", "seed": 1}, {"padding": "zero"}, {"padding": "zero"}]
    runs = [Run(arm, pathlib.Path(str(n))) for n, arm in enumerate(arms)]
    assert seeds(runs[:2], 8) == [(runs[0],), (runs[1],)]
    assert seeds(runs[1::-1], 8) == [(runs[1],), (runs[0],)]


def test_a_run_whose_results_are_damaged_is_named(tmp_path: pathlib.Path):
    whole = '{"headline": "accuracy", "test": {"accuracy": 0.75}}'
    runs = [finished(tmp_path / "0", whole), finished(tmp_path / "1", whole[:20])]
    assert figure(runs[0].folder) == ("accuracy", 0.75)
    assert figure(runs[1].folder) is None
    said = summary(Queue(runs, lambda group: [], places(1)))
    assert "0.7500" in said
    assert f"{runs[1].folder / 'results.json'} cannot be read: delete" in said


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ({"padding": "zer"}, "the sweep's arm {'padding': 'zer'}.*Did you mean"),
        ({"padding": ""}, "the sweep's arm {'padding': ''}"),
        ({"seed": -1}, "config.seed=-1: expected"),
    ],
)
def test_values_that_no_run_takes_are_named(
    arm: dict[str, Any], message: str, tmp_path: pathlib.Path
):
    with pytest.raises(ValueError, match=message):
        runs_of(tiny_config(), [arm], tmp_path)
