"""Read what a run left in its folder, and say clearly what is missing from it."""

import json
import pathlib
import zipfile
from typing import Any, NamedTuple

import numpy as np


FILES = ("config.json", "metrics.jsonl", "results.json", "errors.npz")
TRAIN_KEYS = ("step", "epoch", "loss", "accuracy", "learning_rate", "grad_norm")
TEST_KEYS = ("step", "epoch", "test_loss", "test_accuracy")
ERROR_KEYS = ("image", "label", "prediction", "probability", "index")
RESULT_KEYS = """dataset.name dataset.classes dataset.note padding model.name
    model.parameters device steps epochs seed train_seconds test.examples test.correct
    test.accuracy test.interval test.loss best confusion border""".split()


class Run(NamedTuple):
    """The files of one run; `train` and `test` hold one array per logged quantity."""

    config: dict[str, Any]
    train: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    results: dict[str, Any]
    errors: dict[str, np.ndarray]


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
    _check_files(folder)
    train, test = read_metrics(folder / "metrics.jsonl")
    return Run(
        config=_read_json(folder / "config.json"),
        train=train,
        test=test,
        results=read_results(folder / "results.json"),
        errors=read_errors(folder / "errors.npz"),
    )


def _check_files(folder: pathlib.Path) -> None:
    if not folder.is_dir():
        raise FileNotFoundError(
            f"workdir={str(folder)!r} is not a folder; expected the folder of a run, "
            "the one given to `python launch.py --workdir DIR`."
        )
    missing = [name for name in FILES if not (folder / name).is_file()]
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
        f"folder of a finished run, with {', '.join(FILES)}. {instead}"
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
    path: pathlib.Path,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Reads the log: the training lines, and the evaluation lines.

    A last line that is cut off is left out, since a crash leaves one. Where a step
    was logged twice the later line counts: a resumed run repeats steps.

    Args:
        path: a file with one JSON object a line.

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
    return _columns(train, TRAIN_KEYS), _columns(test, TEST_KEYS)


def _columns(
    entries: dict[int, dict[str, Any]], keys: tuple[str, ...]
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
        ValueError: it is not JSON, lacks a key, or its confusion matrix is not square.
    """
    results = _read_json(path)
    for dotted in RESULT_KEYS:
        value: Any = results
        for key in dotted.split("."):
            if not isinstance(value, dict) or key not in value:
                raise ValueError(f"{path} has no {dotted!r}; run the evaluation again.")
            value = value[key]
    classes = len(results["dataset"]["classes"])
    lengths = [len(row) for row in results["confusion"]]
    if lengths != [classes] * classes:
        raise ValueError(
            f"{path}: the rows of 'confusion' have lengths {lengths}; expected "
            f"{classes} rows of length {classes}, as many as 'dataset.classes'."
        )
    return results


def read_errors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads the mistakes: images, labels, predictions, probabilities, indices.

    Args:
        path: a file of numpy's npz format.

    Returns:
        One array a name, all with the same first dimension.

    Raises:
        ValueError: an array is missing, or the images are not uint8 [m, h, w, 1 or 3].
    """
    try:
        with path.open("rb") as file, np.load(file) as stored:
            errors = {key: stored[key] for key in ERROR_KEYS}
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} does not hold the arrays {', '.join(ERROR_KEYS)}: {error}"
        ) from error
    image = errors["image"]
    if image.ndim != 4 or image.shape[-1] not in (1, 3) or image.dtype != np.uint8:
        raise ValueError(
            f"{path}: 'image' is {image.dtype} {image.shape}; expected uint8 "
            "[m, h, w, 1 or 3]."
        )
    return errors
