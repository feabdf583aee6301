"""Read results.json, and say clearly what is missing from it."""

import math
import pathlib
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from jaxpad.untrusted import read_json


RESULT_KEYS = {
    "a text": "dataset.name dataset.task dataset.note device headline",
    "texts": "dataset.classes",
    "a number": """model.parameters steps epochs train_seconds test.examples
        test.accuracy trivial.accuracy""",
    "a number or null": "test.loss",
    "an object or null": "best",
    "anything": "padding model.name seed",
}
# Older runs do not have them.
NEWER_KEYS = {"a number or null": "step_seconds memory_bytes"}
CLASS_KEYS = {
    "rows of whole numbers": "confusions",
    "rows of whole numbers or null": "confusion",
}
TASK_KEYS = {
    "classification": {
        **CLASS_KEYS,
        "a number": "test.correct",
        "numbers": "test.interval",
        "numbers or null": "test.class_accuracy",
        "whole numbers": "test.class_examples",
        "an object or null": "border",
    },
    "segmentation": {
        **CLASS_KEYS,
        "a number": "test.pixels",
        "a number or null": "test.miou test.mean_accuracy trivial.miou",
        "numbers or null": "test.class_iou test.class_accuracy",
        "whole numbers": "test.class_pixels",
    },
    "language": {
        "a text": "packing.batching",
        "a number": """test.tokens packing.capacity packing.rows_per_step
            packing.padding_share packing.packing_factor""",
        "a number or null": """test.bits_per_token packing.sequences_per_step
            packing.tokens_per_second""",
    },
}


def is_number(value: Any) -> bool:
    """Whether JSON gave a number that a page can show: one that a float can hold."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and not 1e300 < abs(value) < math.inf


def _whole(value: Any) -> bool:
    return is_number(value) and isinstance(value, int)


def _several(one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(one, value))


def _or_null(one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or one(value)


KINDS: dict[str, Callable[[Any], bool]] = {
    "a text": lambda value: isinstance(value, str),
    "texts": _several(lambda value: isinstance(value, str)),
    "a number": is_number,
    "a number or null": _or_null(is_number),
    "numbers": _several(is_number),
    "numbers or null": _several(_or_null(is_number)),
    "whole numbers": _several(_whole),
    "rows of whole numbers": _several(_several(_whole)),
    "rows of whole numbers or null": _or_null(_several(_several(_whole))),
    "an object or null": lambda value: value is None or isinstance(value, dict),
    "anything": lambda value: True,
}


def read_results(path: pathlib.Path) -> dict[str, Any]:
    """Reads results.json and checks that what the page shows is in it.

    Args:
        path: the file.

    Returns:
        Its content.

    Raises:
        ValueError: it is not JSON, lacks a key, or holds something of another kind or
            length.
    """
    results = read_json(path)
    older = dict.fromkeys(" ".join(NEWER_KEYS.values()).split())
    _check_keys(path, older | results, NEWER_KEYS)
    _check_keys(path, results, RESULT_KEYS)
    task = results["dataset"]["task"]
    if task not in TASK_KEYS:
        raise ValueError(
            f"{path}: 'dataset.task' is {task!r}; expected {' or '.join(TASK_KEYS)}."
        )
    _check_keys(path, results, TASK_KEYS[task])
    _check_headline(path, results)
    if task != "language":
        _check_lengths(path, results)
        _check_confusions(path, results)
    return results


def _check_keys(
    path: pathlib.Path, results: dict[str, Any], kinds: Mapping[str, str]
) -> None:
    for kind, dotted in ((k, d) for k, keys in kinds.items() for d in keys.split()):
        value: Any = results
        for key in dotted.split("."):
            if not isinstance(value, dict) or key not in value:
                raise ValueError(
                    f"{path} has no {dotted!r}; evaluate again: `python launch.py "
                    f"--workdir {path.parent}` with the flags of the run."
                )
            value = value[key]
        if not KINDS[kind](value):
            raise ValueError(
                f"{path}: {dotted!r} is {reprlib.repr(value)}; expected {kind}."
            )


def _check_headline(path: pathlib.Path, results: dict[str, Any]) -> None:
    for part in ("test", "trivial", *(("best",) if results["best"] else ())):
        if not _or_null(is_number)(results[part].get(results["headline"], "")):
            raise ValueError(
                f"{path}: 'headline' is {results['headline']!r}, and {part!r} has no "
                "such number."
            )
    if results["best"] and not is_number(results["best"].get("epoch")):
        raise ValueError(f"{path}: 'best' has no 'epoch', a number.")


def _check_confusions(path: pathlib.Path, results: dict[str, Any]) -> None:
    test, classes = results["test"], len(results["dataset"]["classes"])
    totals = test.get("class_examples") or test["class_pixels"]
    for row in results["confusions"]:
        if len(row) != 3 or not 0 <= min(row[:2]) <= max(row[:2]) < classes:
            raise ValueError(
                f"{path}: 'confusions' has {row}; expected two of the {classes} "
                "classes by number, and how often."
            )
        if not totals[row[0]]:
            raise ValueError(f"{path}: 'confusions' has {row}, of a class without any.")


def _check_lengths(path: pathlib.Path, results: dict[str, Any]) -> None:
    classes = len(results["dataset"]["classes"])
    for key, values in results["test"].items():
        if not key.startswith("class_"):
            continue
        if not isinstance(values, list) or len(values) != classes:
            raise ValueError(
                f"{path}: 'test.{key}' is {reprlib.repr(values)}; expected {classes} "
                "values, as many as 'dataset.classes'."
            )
    # None where there are too many classes for a matrix.
    lengths = [len(row) for row in results["confusion"] or []]
    if results["confusion"] is not None and lengths != [classes] * classes:
        raise ValueError(
            f"{path}: the rows of 'confusion' have lengths {lengths}; expected "
            f"{classes} rows of length {classes}, as many as 'dataset.classes'."
        )
