"""Read results.json, and say clearly what is missing from it."""

import pathlib
from collections.abc import Sequence
from typing import Any

from jaxpad.untrusted import read_json


RESULT_KEYS = """dataset.name dataset.task dataset.classes dataset.note padding
    model.name model.parameters device steps epochs seed train_seconds headline
    test.examples test.accuracy test.loss test.class_accuracy trivial.accuracy best
    confusion confusions""".split()
TASK_KEYS = {
    "classification": "test.correct test.interval test.class_examples border".split(),
    "segmentation": """test.pixels test.miou test.mean_accuracy test.class_iou
        test.class_pixels trivial.miou""".split(),
}


def read_results(path: pathlib.Path) -> dict[str, Any]:
    """Reads results.json and checks that what the page shows is in it.

    Args:
        path: the file.

    Returns:
        Its content.

    Raises:
        ValueError: it is not JSON, lacks a key, or has lists of a wrong length.
    """
    results = read_json(path)
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
