"""Read what a run left in its folder, and say clearly what is missing from it."""

import contextlib
import pathlib
import reprlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxpad.reports.arrays import Answers, Masks, read_answers, read_masks
from jaxpad.reports.results import is_number, read_results
from jaxpad.reports.texts import Text, read_texts
from jaxpad.untrusted import json_object, read_json


FILES = ("config.json", "metrics.jsonl", "results.json")
EXAMPLES = {
    "classification": ("examples.npz", "errors.npz"),
    "segmentation": ("examples.npz",),
    "language": ("examples.json",),
}
TRAIN_KEYS = "step epoch loss accuracy learning_rate grad_norm data_wait".split()
# Of what a step of texts held.
COUNTS = {"language": ["sequences", "tokens", "padding_share"]}
TEST_KEYS = {
    "classification": ["step", "epoch", "test_loss", "test_accuracy"],
    "segmentation": ["step", "epoch", "test_loss", "test_accuracy", "test_miou"],
    "language": ["step", "epoch", "test_loss", "test_accuracy"],
}


class Run(NamedTuple):
    """The files of one run; `train` and `test` hold one array per logged quantity.

    `answers` and `errors` are of a classification, `masks` of a segmentation and
    `texts` of language; of others they are empty.
    """

    config: dict[str, Any]
    train: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    results: dict[str, Any]
    answers: list[Answers]
    errors: list[Answers]
    masks: list[Masks]
    texts: list[Text]


def read_run(workdir: str | pathlib.Path) -> Run:
    """Reads and checks the files of a run.

    Args:
        workdir: the folder that the trainer wrote.

    Returns:
        The run.

    Raises:
        FileNotFoundError: the folder, or one of its files, is not there.
        ValueError: a file does not hold what it should; the message names it, and what
            to type if the run can write it again.
    """
    folder = pathlib.Path(workdir)
    _check_files(folder, FILES)
    answers, errors, masks, texts = [], [], [], []
    with _written_at_the_end(folder):
        results = read_results(folder / "results.json")
        task, classes = results["dataset"]["task"], len(results["dataset"]["classes"])
        _check_files(folder, (*FILES, *EXAMPLES[task]))
        if task == "segmentation":
            masks = read_masks(folder / "examples.npz", classes)
        elif task == "language":
            texts = read_texts(folder / "examples.json")
        else:
            answers = read_answers(folder / "examples.npz", classes)
            errors = read_answers(folder / "errors.npz", classes)
    config = read_json(folder / "config.json")
    train, test = read_metrics(folder / "metrics.jsonl", task)
    return Run(config, train, test, results, answers, errors, masks, texts)


@contextlib.contextmanager
def _written_at_the_end(folder: pathlib.Path) -> Iterator[None]:
    """Adds to what is wrong with a file that a finished run tests and writes again."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            f"{str(error).removesuffix('.')}. To write it again: {_command(folder)}"
        ) from error


def _command(folder: pathlib.Path) -> str:
    return (
        f"`python launch.py --workdir {folder}` with the flags that the run was "
        "started with."
    )


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
        else f"If the run was cut off, finish it: {_command(folder)}"
    )
    raise FileNotFoundError(
        f"workdir={str(folder)!r} has no {' and no '.join(missing)}; expected the "
        f"folder of a finished run, with {', '.join(names)}. {instead}"
    )


def read_metrics(
    path: pathlib.Path, task: str = "classification"
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Reads the log: the training lines, and the evaluation lines.

    A last line that is cut off is left out, since a crash leaves one. Where a step
    was logged twice the later line counts: a resumed run repeats steps.

    Args:
        path: a file with one JSON object a line.
        task: "classification", "language", or "segmentation", which logs the mIoU.

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
    of_steps = [*TRAIN_KEYS, *COUNTS.get(task, [])]
    train: dict[int, dict[str, Any]] = {}
    test: dict[int, dict[str, Any]] = {}
    for number, line in lines:
        try:
            entry = json_object(line, "it")
            step = int(entry["step"])
            _check_numbers(entry, (*of_steps, *TEST_KEYS[task]))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            if number == lines[-1][0]:
                break
            raise ValueError(
                f"{path}, line {number} is {line[:60]!r}; expected a JSON object with "
                f"a 'step' ({error}). Mend or delete that line and write the report "
                "again."
            ) from error
        (test if "test_loss" in entry else train)[step] = entry
    return _columns(train, of_steps), _columns(test, TEST_KEYS[task])


def _check_numbers(entry: dict[str, Any], keys: Sequence[str]) -> None:
    for key in keys:
        if entry.get(key) is not None and not is_number(entry[key]):
            raise ValueError(f"{key!r} is {reprlib.repr(entry[key])}, no number")


def _columns(
    entries: dict[int, dict[str, Any]], keys: Sequence[str]
) -> dict[str, np.ndarray]:
    rows = [entries[step] for step in sorted(entries)]
    # float turns JSON's null, which numpy reads as None, into NaN.
    return {key: np.array([row.get(key) for row in rows], float) for key in keys}
