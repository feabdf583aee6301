"""Which runs of a folder are in a sweep's tables, and what is said of the others."""

import json

import numpy as np
import pytest

from jaxpad.reports.sweeps.borders import read_borders
from jaxpad.reports.sweeps.read import is_sweep, read_sweep
from tests.reports.sweeps import LAYERS, write_borders, write_run, write_sweep


ARMS = {"zero": [0.8, 0.82], "partial": [0.85, 0.86]}


def name_of(arm, seed):
    return f"padding={arm},seed={seed}-0123abcd"


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("listed", [True, False])
def test_arms_are_what_is_swept_but_the_seed(tmp_path, listed):
    sweep = read_sweep(write_sweep(tmp_path, ARMS, listed=listed))
    assert sweep.keys == ["padding"]
    found = {arm.name: list(arm.runs) for arm in sweep.arms}
    assert found == {"padding=zero": [0, 1], "padding=partial": [0, 1]}
    assert not sweep.missing
    assert not sweep.warnings
    values = [r.run.results["test"]["accuracy"] for r in sweep.arms[-1].runs.values()]
    assert values == ARMS["partial" if listed else "zero"]


def test_a_folder_of_runs_is_no_run(tmp_path):
    folder = write_sweep(tmp_path / "sweep", ARMS)
    assert is_sweep(folder)
    (folder / "sweep.json").unlink()
    assert is_sweep(folder)
    assert not is_sweep(folder / name_of("zero", 0))
    assert not is_sweep(tmp_path / "gone")


@pytest.mark.parametrize("listed", [True, False])
def test_runs_that_are_not_finished_are_named(tmp_path, listed):
    folder = write_sweep(tmp_path, ARMS | {"reflect": [None, 0.7]}, listed=listed)
    (missing,) = read_sweep(folder).missing
    assert missing.name == "padding=reflect"
    assert missing.folder == name_of("reflect", 0)
    assert missing.why == "not finished" + (" (broken off)" if listed else "")


def test_runs_that_have_not_begun_are_named(tmp_path):
    folder = write_sweep(tmp_path, ARMS)
    path = folder / "sweep.json"
    overrides = {"padding": "valid", "seed": 3}
    entry = {"overrides": overrides, "folder": "later", "state": "not begun"}
    path.write_text(json.dumps([*json.loads(path.read_text()), entry]))
    (missing,) = read_sweep(folder).missing
    assert missing == ("padding=valid seed=3", "later", "not begun")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("results.json", "{"),
        ("config.json", "[1"),
        ("metrics.jsonl", "x\nx\n"),
        ("examples.npz", "no zip"),
        ("borders.json", '{"distance": {"cells": "<script>"}}'),
    ],
)
def test_runs_that_cannot_be_read_are_named_with_the_file(tmp_path, name, text):
    folder = write_sweep(tmp_path, ARMS)
    (folder / name_of("partial", 1) / name).write_text(text)
    sweep = read_sweep(folder)
    assert [len(arm.runs) for arm in sweep.arms] == [2, 1]
    (missing,) = sweep.missing
    assert missing.why.startswith("cannot be read: ")
    assert name in missing.why


def test_a_run_that_differs_in_more_than_its_arm_is_warned_about(tmp_path):
    folder = write_sweep(tmp_path, ARMS)
    change(folder / name_of("zero", 1) / "config.json", epochs=30)
    (warning,) = read_sweep(folder).warnings
    assert warning == (
        "The runs differ in epochs, which the sweep does not change: 4 in 3 of 4, 30 "
        f"in {name_of('zero', 1)}."
    )


def test_runs_of_an_earlier_sweep_count_if_they_fit(tmp_path):
    folder = write_sweep(tmp_path, ARMS)
    whole = {"seed": 0, "model": "two_layers", "epochs": 4}
    write_run(folder / "fits", whole | {"padding": "reflect"}, 0.7)
    write_run(folder / "longer", whole | {"padding": "reflect", "epochs": 9}, 0.7)
    write_run(folder / "twice", whole | {"padding": "zero"}, 0.1)
    sweep = read_sweep(folder)
    runs = {arm.name: arm.runs for arm in sweep.arms}
    assert [run.folder for run in runs["padding=reflect"].values()] == ["fits"]
    assert runs["padding=zero"][0].run.results["test"]["accuracy"] == 0.8
    assert [(each.folder, each.why) for each in sweep.missing] == [
        ("longer", "not of this sweep: it differs in epochs"),
        ("twice", f"the same arm and seed as {name_of('zero', 0)}"),
    ]


def test_without_a_list_every_difference_makes_an_arm(tmp_path):
    whole = {"padding": "zero", "model": {"name": "a", "widths": [1, 2]}}
    for number, widths in enumerate(([1, 2], [3, 4])):
        model = {"name": "a", "widths": widths}
        config = whole | {"model": model, "seed": number}
        write_run(tmp_path / str(number), config, 0.5)
    sweep = read_sweep(tmp_path)
    assert sweep.keys == ["model.widths"]
    assert [arm.name for arm in sweep.arms] == [
        "model.widths=[1, 2]",
        "model.widths=[3, 4]",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("{}", "holds a dict; expected a list"),
        ('[{"folder": "a"}]', "expected objects with overrides, folder and state"),
        ('[{"folder": "../a", "overrides": {}, "state": ""}]', "leaves"),
        ('[{"folder": "/etc", "overrides": {}, "state": ""}]', "leaves"),
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
    ],
)
def test_a_list_of_runs_that_is_none_is_refused(tmp_path, content, words):
    folder = write_sweep(tmp_path, ARMS)
    (folder / "sweep.json").write_text(content)
    with pytest.raises(ValueError, match=rf"sweep\.json.*{words}"):
        read_sweep(folder)


def test_a_folder_without_runs_says_what_to_type(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no runs.*launch\.py --sweep"):
        read_sweep(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"is not a folder; expected one with"):
        read_sweep(tmp_path / "gone")


def test_runs_of_different_tasks_are_refused(tmp_path):
    write_sweep(tmp_path, {"zero": [0.8]}, listed=False)
    write_sweep(tmp_path, {"partial": [0.5]}, task="segmentation", listed=False)
    with pytest.raises(ValueError, match=r"classification \(accuracy\) and segment"):
        read_sweep(tmp_path)


def test_borders_are_read(tmp_path):
    write_borders(tmp_path, "accuracy", "zero", 0)
    found = read_borders(tmp_path)
    assert found is not None
    assert found.cross["valid"]["accuracy"] is None
    assert found.distance is not None
    assert found.distance["cells"] == list(range(8))
    assert {
        kind: tuple(layers) for kind, layers in found.maps.items()
    } == dict.fromkeys(("mean", "blank", "foveation"), LAYERS)
    assert read_borders(tmp_path / "gone") is None


def test_parts_of_borders_may_be_missing(tmp_path):
    (tmp_path / "borders.json").write_text('{"cross": null, "shift": null}')
    found = read_borders(tmp_path)
    assert found is not None
    assert not any(found[:5])


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"cross": [1]}, "'cross' is .*expected an object or null"),
        ({"cross": {"zero": []}}, r"'cross.zero' is \[\]; expected an object"),
        ({"cross": {"zero": {"reason": []}}}, "'cross.zero.reason' is .*a text"),
        ({"cross": {"zero": {"accuracy": "<b>"}}}, "'cross.zero.accuracy' is '<b>'"),
        ({"distance": 3}, "'distance' is 3; expected an object or null"),
        ({"distance": {"what": "", "cells": [0]}}, "'distance.count' is None"),
        ({"shift": {"pixels": [1], "consistency": [], "accuracy": [1]}}, "lengths"),
        (
            {"shift": {"pixels": [None], "consistency": [1], "accuracy": [1]}},
            "a number for each of 'pixels'",
        ),
        ({"shift": {"pixels": [10**400]}}, "'shift.pixels' is"),
        ({"unevenness": 5}, "'unevenness' is 5, no list"),
        ({"unevenness": [{"layer": 1}]}, "'unevenness.0.layer' is 1; expected a text"),
    ],
)
def test_borders_that_are_none_are_refused(tmp_path, part, words):
    (tmp_path / "borders.json").write_text(json.dumps(part))
    with pytest.raises(ValueError, match=rf"borders\.json.*{words}"):
        read_borders(tmp_path)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones(3), r"expected numbers \[h, w\]"),
        (np.ones((0, 3)), r"expected numbers \[h, w\]"),
        (np.array([["a"]]), r"expected numbers \[h, w\]"),
        (np.ones((1, 5000)), "at most 2048 cells a side"),
        (np.array([[None]]), "is no npz file, or is damaged"),
    ],
)
def test_maps_that_are_none_are_refused(tmp_path, array, words):
    (tmp_path / "borders.json").write_text("{}")
    np.savez(tmp_path / "borders.npz", **{"mean/stem": array})
    with pytest.raises(ValueError, match=rf"borders\.npz.*{words}"):
        read_borders(tmp_path)
