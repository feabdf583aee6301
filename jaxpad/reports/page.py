"""The page itself: key figures in words, pictures, and the config as run."""

import json
import os
import pathlib
from typing import Any

import jinja2
import numpy as np

from jaxpad.reports.border import border_picture, border_sentence
from jaxpad.reports.confusion import confusion_picture, worst_confusions
from jaxpad.reports.curves import gaps, learning_curves
from jaxpad.reports.figure import Picture, pixels
from jaxpad.reports.folder import ERROR_KEYS, Run, read_run


MOST_MISTAKES = 24


def write_report(workdir: str | pathlib.Path) -> pathlib.Path:
    """Writes `report.html` into a run's folder, from the files in that folder alone.

    The page is one file: nothing on it is fetched from a network. The same files
    give the same bytes. `python -m jaxpad.reports RUN_DIR` does the same.

    Args:
        workdir: the folder that the trainer wrote.

    Returns:
        The path of the page.

    Raises:
        FileNotFoundError: the folder, or one of its files, is not there.
        ValueError: a file does not hold what it should; the message names it.
    """
    path = pathlib.Path(workdir) / "report.html"
    page = render(read_run(workdir))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(page, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def render(run: Run) -> str:
    """Makes the page of a run.

    Args:
        run: the run.

    Returns:
        HTML.
    """
    results = run.results
    classes = [str(name) for name in results["dataset"]["classes"]]
    confusion = np.array(results["confusion"], int)
    border = results["border"]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("run.html.j2").render(
        results=results,
        figures=key_figures(results),
        curves=learning_curves(run),
        gaps=gaps(run),
        confusion=confusion_picture(confusion, classes),
        worst=worst_confusions(confusion, classes),
        mistakes=mistakes(run.errors, classes),
        all_mistakes=results["test"]["examples"] - results["test"]["correct"],
        border=border and border_picture(border),
        border_sentence=border and border_sentence(border),
        config=flatten(run.config),
    )


def key_figures(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Puts a run's key figures in words.

    Args:
        results: the content of results.json.

    Returns:
        Pairs of a name and a value with its unit, in the order to show them.
    """
    test, best = results["test"], results["best"]
    return [
        ("final epoch", f"{results['epochs']:g}: {test['accuracy']:.2%}"),
        (
            "best epoch",
            f"{best['epoch']:g}: {best['accuracy']:.2%}" if best else "none",
        ),
        ("test loss", f"{test['loss']:.4g}"),
        ("steps", f"{results['steps']:,}"),
        ("training time", duration(results["train_seconds"])),
        ("parameters", f"{results['model']['parameters']:,}"),
        ("device", results["device"]),
        ("padding", str(results["padding"])),
        ("seed", str(results["seed"])),
    ]


def duration(seconds: int | float) -> str:
    """Writes a time in the unit that suits it.

    Example:
        >>> duration(60.2), duration(5400)
        ('60.2 s', '90.0 min')
    """
    for limit, unit, length in ((120, "s", 1), (7200, "min", 60)):
        if seconds < limit:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 3600:.1f} h"


def mistakes(errors: dict[str, np.ndarray], classes: list[str]) -> list[Picture]:
    """Shows the most confident mistakes.

    Args:
        errors: the arrays of errors.npz.
        classes: the name of each class.

    Returns:
        At most 24 pictures, each titled with its caption.
    """
    pictures = []
    for image, label, prediction, probability, index in zip(
        *(errors[key][:MOST_MISTAKES] for key in ERROR_KEYS), strict=True
    ):
        caption = (
            f"true {classes[label]}, said {classes[prediction]} ({probability:.0%}), "
            f"test image {index}"
        )
        pictures.append(Picture(caption, pixels(image), f"Test image {index}"))
    return pictures


def flatten(config: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Lists a nested config as dotted keys and values.

    Args:
        config: dictionaries in dictionaries.
        prefix: what stands before each key.

    Returns:
        Pairs of a key and its value as JSON, in the order of the config.

    Example:
        >>> flatten({"seed": 0, "optimizer": {"name": "sgd"}})
        [('seed', '0'), ('optimizer.name', '"sgd"')]
    """
    rows = []
    for key, value in config.items():
        if isinstance(value, dict) and value:
            rows += flatten(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", json.dumps(value, ensure_ascii=False)))
    return rows
