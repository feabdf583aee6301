"""What is read from a run's folder, and what is said where it is not as it should."""

import json

import numpy as np
import pytest

from jaxpad.reports import folder as reading, write_report
from tests.reports.runs import make_dataset, make_results


def test_log_is_split_into_training_and_evaluation(make_run):
    run = reading.read_run(make_run(steps=4, every=2))
    np.testing.assert_array_equal(run.train["step"], [1, 2, 3, 4])
    np.testing.assert_array_equal(run.train["loss"], [2, 1, 2 / 3, 0.5])
    np.testing.assert_array_equal(run.test["step"], [2, 4])
    np.testing.assert_array_equal(run.test["test_loss"], [1.1, 0.6])


@pytest.mark.parametrize("torn", ['{"step": 99, "ep', '{"step": 99, "epoch": "', "{"])
def test_torn_last_line_is_ignored(make_run, torn):
    folder = make_run()
    whole = write_report(folder).read_bytes()
    with (folder / "metrics.jsonl").open("a") as log:
        log.write(torn)
    assert write_report(folder).read_bytes() == whole


@pytest.mark.parametrize(
    "broken",
    [
        *('{"step": 2, "ep', "[1, 2]", '{"epoch": 1.0}', "5", '{"step": Infinity}'),
        *('{"step": 2, "loss": "low"}', '{"step": 2, "loss": [1]}', "[" * 200_000),
    ],
)
def test_broken_line_elsewhere_is_named(make_run, broken):
    path = make_run() / "metrics.jsonl"
    lines = path.read_text().splitlines()
    lines[2] = broken
    path.write_text("\n".join(lines))
    with pytest.raises(
        ValueError, match=r"metrics\.jsonl, line 3 is .*expected a JSON"
    ):
        write_report(path.parent)


def test_a_step_logged_twice_counts_once(make_run):
    path = make_run(steps=4, every=0) / "metrics.jsonl"
    again = [json.dumps({"step": step, "epoch": step, "loss": 9}) for step in (3, 4)]
    path.write_text(path.read_text() + "\n".join(again))
    train, _ = reading.read_metrics(path)
    np.testing.assert_array_equal(train["step"], [1, 2, 3, 4])
    np.testing.assert_array_equal(train["loss"], [2, 1, 9, 9])
    assert np.isnan(train["grad_norm"][2:]).all()


def test_numbers_that_are_not_finite_are_read(make_run):
    path = make_run() / "metrics.jsonl"
    path.write_text('{"step": 1, "epoch": 1, "loss": NaN, "grad_norm": Infinity}')
    train, _ = reading.read_metrics(path)
    assert np.isnan(train["loss"][0])
    assert np.isposinf(train["grad_norm"][0])


def test_missing_folder_says_what_to_type(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"workdir='.*gone' is not a folder.*DIR"
    ):
        write_report(tmp_path / "gone")


@pytest.mark.parametrize("name", [*reading.FILES, "examples.npz"])
def test_missing_file_is_named(make_run, name):
    folder = make_run()
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"has no {name}; .*launch\.py"):
        write_report(folder)
    assert not (folder / "report.html").exists()


def test_folder_of_runs_names_one_of_them(make_run):
    folder = make_run("inner")
    with pytest.raises(FileNotFoundError, match=r"holds other runs: .*inner'"):
        write_report(folder.parent)


@pytest.mark.parametrize("key", ["test.interval", "dataset.task", "border"])
def test_missing_result_is_named(make_run, key):
    path = make_run() / "results.json"
    results = json.loads(path.read_text())
    *parents, last = key.split(".")
    inner = results
    for parent in parents:
        inner = inner[parent]
    del inner[last]
    path.write_text(json.dumps(results))
    with pytest.raises(ValueError, match=rf"results\.json has no '{key}'"):
        write_report(path.parent)


def test_confusion_that_does_not_fit_the_classes_is_refused(make_run):
    folder = make_run(confusion=[[1, 2], [3, 4]])
    with pytest.raises(ValueError, match=r"lengths \[2, 2\]; expected 3 rows"):
        write_report(folder)


def test_json_that_is_no_object_is_refused(make_run):
    folder = make_run()
    (folder / "config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"config\.json holds a list"):
        write_report(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is not JSON"):
        write_report(folder)


def test_another_task_is_refused(make_run):
    folder = make_run(dataset=make_dataset(["a"], "detection"))
    with pytest.raises(ValueError, match=r"'detection'; expected classification or"):
        write_report(folder)


@pytest.mark.parametrize("name", ["examples.npz", "errors.npz"])
@pytest.mark.parametrize("content", [b"PK\x03\x04 and no more", b"", b"[]"])
def test_damaged_images_are_refused(make_run, name, content):
    folder = make_run()
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is no npz file, or is damaged") as e:
        write_report(folder)
    assert f"again: `python launch.py --workdir {folder}` with the" in str(e.value)


@pytest.mark.parametrize(
    ("task", "change", "words"),
    [
        ("classification", {"image": np.zeros((2, 5, 4, 1))}, "'image' is float64 "),
        ("classification", {"index": np.arange(3)}, r"of one length: .*index \(3,\)"),
        ("classification", {"label": np.full(2, 3)}, "'label' has labels 3 to 3; "),
        ("segmentation", {"label_1": np.ones((6, 7), int)}, r"'label_1' is \(6, 7\)"),
        ("segmentation", {"index": np.arange(3)}, "has no array 'image_2'"),
        ("segmentation", {"label_0": np.full((6, 8), 254)}, "'label_0' has labels 254"),
        ("segmentation", {"prediction_0": np.full((6, 8), 255)}, "'prediction_0' has"),
        ("segmentation", {"image_0": np.zeros((6, 8), np.uint8)}, r"uint8 \(6, 8\)"),
        (
            "classification",
            {"index": np.int64(3)},
            r"'index' is int64 \(\); expected wh",
        ),
        ("classification", {"label": np.zeros(2, "M8[s]")}, "'label' is datetime64"),
        ("classification", {"probability": np.zeros((2, 2))}, "along 1 axes"),
        ("segmentation", {"index": np.array(["a", "b"])}, "'index' is <U1"),
        ("segmentation", {"label_0": np.zeros((6, 8), "V8")}, r"'label_0' is \|V8"),
    ],
)
def test_images_that_do_not_fit_are_refused(make_run, task, change, words):
    folder = make_run(task=task)
    with np.load(folder / "examples.npz") as stored:
        arrays = dict(stored)
    np.savez(folder / "examples.npz", **arrays | change)
    with pytest.raises(ValueError, match=rf"examples\.npz.*{words}"):
        write_report(folder)


def test_missing_errors_are_named(make_run):
    folder = make_run()
    (folder / "errors.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no errors\.npz; "):
        write_report(folder)


def test_class_figures_that_do_not_fit_the_classes_are_refused(make_run):
    test = make_results()["test"] | {"class_examples": [1, 2]}
    with pytest.raises(ValueError, match=r"class_examples' is \[1, 2\]; expected 3"):
        write_report(make_run(test=test))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": "many"}, "'epochs' is 'many'; expected a number"),
        ({"epochs": 10**400}, "'epochs' is 1000.*; expected a number"),
        ({"dataset": {"classes": 3}}, "has no 'dataset.name'"),
        ({"device": None}, "'device' is None; expected a text"),
        ({"headline": "loss"}, "'headline' is 'loss', and 'trivial' has no"),
        ({"best": {"accuracy": 0.5}}, "'best' has no 'epoch'"),
        ({"confusions": [[0, 9, 1]]}, r"\[0, 9, 1\]; expected two of the 3 classes"),
        ({"confusion": 3}, "'confusion' is 3; expected rows of whole numbers or null"),
        ({"confusions": [[0, "1", 1]]}, "expected rows of whole numbers"),
    ],
)
def test_results_of_another_kind_are_refused(make_run, change, words):
    with pytest.raises(ValueError, match=rf"results\.json.*{words}"):
        write_report(make_run(**change))
