"""Read what a run left in its folder, and say clearly what is missing from it."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxpad.reports.arrays import Answers, Masks, read_answers, read_masks


FILES = ("config.json", "metrics.jsonl", "results.json", "examples.npz")
TRAIN_KEYS = """step epoch loss accuracy learning_rate grad_norm data_wait""".split()
TEST_KEYS = {
    "classification": ["step", "epoch", "test_loss", "test_accuracy"],
    "segmentation": ["step", "epoch", "test_loss", "test_accuracy", "test_miou"],
}
RESULT_KEYS = """dataset.name dataset.task dataset.classes dataset.note padding
    model.name model.parameters device steps epochs seed train_seconds headline
    test.examples test.accuracy test.loss test.class_accuracy trivial.accuracy best
    confusion confusions""".split()
TASK_KEYS = {
    "classification": "test.correct test.interval test.class_examples border".split(),
    "segmentation": """test.pixels test.miou test.mean_accuracy test.class_iou
        test.class_pixels trivial.miou""".split(),
}


class Run(NamedTuple):
    """The files of one run; `train` and `test` hold one array per logged quantity.

    `answers` and `errors` are empty in segmentation, `masks` in classification.
    """

    config: dict[str, Any]
    train: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    results: dict[str, Any]
    answers: list[Answers]
    errors: list[Answers]
    masks: list[Masks]


def read_run(workdir: str | pathlib.Path) -> Run:
    """Reads and checks the files of a run.

    Args:
        workdir: the folder that the trainer wrote.

    Returns:
        The run.

    Raises:
        FileNotFoundError: the folder, or one of its files, is not there.
        ValueError: a file does not hold what it should; the message names it.
    """
    folder = pathlib.Path(workdir)
    _check_files(folder, FILES)
    results = read_results(folder / "results.json")
    task, classes = results["dataset"]["task"], len(results["dataset"]["classes"])
    answers, errors, masks = [], [], []
    if task == "segmentation":
        masks = read_masks(folder / "examples.npz", classes)
    else:
        _check_files(folder, (*FILES, "errors.npz"))
        answers = read_answers(folder / "examples.npz", classes)
        errors = read_answers(folder / "errors.npz", classes)
    config = _read_json(folder / "config.json")
    train, test = read_metrics(folder / "metrics.jsonl", task)
    return Run(config, train, test, results, answers, errors, masks)


def _check_files(folder: pathlib.Path, names: tuple[str, ...]) -> None:
    if not folder.is_dir():
        raise FileNotFoundError(
            f"workdir={str(folder)!r} is not a folder; expected the folder of a run, "
            "the one given to `python launch.py --workdir DIR`."
        )
    missing = [name for name in names if not (folder / name).is_file()]
    if not missing:
        return
    inside = sorted(path.parent for path in folder.glob("*/results.json"))
    instead = (
        f"It holds other runs: name one of them, for example {str(inside[0])!r}."
        if inside
        else f"If the run was cut off, finish it: `python launch.py --workdir {folder}`"
        " with the flags that it was started with."
    )
    raise FileNotFoundError(
        f"workdir={str(folder)!r} has no {' and no '.join(missing)}; expected the "
        f"folder of a finished run, with {', '.join(names)}. {instead}"
    )


def _read_json(path: pathlib.Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds a {type(value).__name__}; expected an object.")
    return value


def read_metrics(
    path: pathlib.Path, task: str = "classification"
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Reads the log: the training lines, and the evaluation lines.

    A last line that is cut off is left out, since a crash leaves one. Where a step
    was logged twice the later line counts: a resumed run repeats steps.

    Args:
        path: a file with one JSON object a line.
        task: "classification" or "segmentation", which logs the mIoU too.

    Returns:
        Two dictionaries from a quantity's name to its values in the order of the
        steps; a value that a line does not have is NaN.

    Raises:
        ValueError: a line other than the last is broken; file and line are named.
    """
    lines = [
        (number, line)
        for number, line in enumerate(path.read_bytes().splitlines(), start=1)
        if line.strip()
    ]
    train: dict[int, dict[str, Any]] = {}
    test: dict[int, dict[str, Any]] = {}
    for number, line in lines:
        try:
            entry = json.loads(line)
            step = int(entry["step"])
        except (ValueError, TypeError, KeyError) as error:
            if number == lines[-1][0]:
                break
            raise ValueError(
                f"{path}, line {number} is {line[:60]!r}; expected a JSON object with "
                "a 'step'. Mend or delete that line and write the report again."
            ) from error
        (test if "test_loss" in entry else train)[step] = entry
    return _columns(train, TRAIN_KEYS), _columns(test, TEST_KEYS[task])


def _columns(
    entries: dict[int, dict[str, Any]], keys: Sequence[str]
) -> dict[str, np.ndarray]:
    rows = [entries[step] for step in sorted(entries)]
    # float turns JSON's null, which numpy reads as None, into NaN.
    return {key: np.array([row.get(key) for row in rows], float) for key in keys}


def read_results(path: pathlib.Path) -> dict[str, Any]:
    """Reads results.json and checks that what the page shows is in it.

    Args:
        path: the file.

    Returns:
        Its content.

    Raises:
        ValueError: it is not JSON, lacks a key, or has lists of a wrong length.
    """
    results = _read_json(path)
    _check_keys(path, results, RESULT_KEYS)
    task = results["dataset"]["task"]
    if task not in TASK_KEYS:
        raise ValueError(
            f"{path}: 'dataset.task' is {task!r}; expected {' or '.join(TASK_KEYS)}."
        )
    _check_keys(path, results, TASK_KEYS[task])
    _check_lengths(path, results)
    return results


def _check_keys(
    path: pathlib.Path, results: dict[str, Any], keys: Sequence[str]
) -> None:
    for dotted in keys:
        value: Any = results
        for key in dotted.split("."):
            if not isinstance(value, dict) or key not in value:
                raise ValueError(
                    f"{path} has no {dotted!r}; evaluate again: `python launch.py "
                    f"--workdir {path.parent}` with the flags of the run."
                )
            value = value[key]


def _check_lengths(path: pathlib.Path, results: dict[str, Any]) -> None:
    classes = len(results["dataset"]["classes"])
    for key, values in results["test"].items():
        if key.startswith("class_") and len(values) != classes:
            raise ValueError(
                f"{path}: 'test.{key}' has {len(values)} values; expected {classes}, "
                "as many as 'dataset.classes'."
            )
    # None where there are too many classes for a matrix.
    lengths = [len(row) for row in results["confusion"] or []]
    if results["confusion"] is not None and lengths != [classes] * classes:
        raise ValueError(
            f"{path}: the rows of 'confusion' have lengths {lengths}; expected "
            f"{classes} rows of length {classes}, as many as 'dataset.classes'."
        )
