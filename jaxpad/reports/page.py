"""The page itself: key figures in words, pictures, and the config as run."""

import json
import os
import pathlib
from typing import Any, NamedTuple

import jinja2
import numpy as np

from jaxpad.reports.arrays import Answers
from jaxpad.reports.border import border_picture, border_sentence
from jaxpad.reports.classes import class_table
from jaxpad.reports.confusion import confusion_picture, worst_confusions
from jaxpad.reports.curves import gaps, learning_curves
from jaxpad.reports.figure import Picture
from jaxpad.reports.folder import Run, read_run
from jaxpad.reports.masks import legend, overlays
from jaxpad.reports.raster import pixels, shrink


MOST_ERRORS = 24
THUMBNAIL = 224  # pixels of the longer side
NAMES = {"accuracy": "accuracy", "miou": "mIoU"}


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
    masks = results["dataset"]["task"] == "segmentation"
    border = results.get("border")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    return environment.get_template("run.html.j2").render(
        results=results,
        masks=masks,
        unit="pixels" if masks else "examples",
        figures=key_figures(results),
        curves=learning_curves(run),
        gaps=gaps(run),
        classes=class_table(results),
        confusion=_confusion(results, classes),
        worst=worst_confusions(results),
        answers=thumbnails(run.answers, classes),
        errors=thumbnails(run.errors[:MOST_ERRORS], classes),
        overlays=overlays(run.masks, classes),
        legend=legend(run.masks, classes),
        border=border and border_picture(border),
        border_sentence=border and border_sentence(border),
        config=flatten(run.config),
    )


def _confusion(results: dict[str, Any], classes: list[str]) -> Picture | None:
    if results["confusion"] is None:
        return None
    unit = "pixels" if results["dataset"]["task"] == "segmentation" else "examples"
    return confusion_picture(np.array(results["confusion"], int), classes, unit)


def key_figures(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Puts a run's key figures in words.

    Args:
        results: the content of results.json.

    Returns:
        Pairs of a name and a value with its unit, in the order to show them.
    """
    test, best, trivial = results["test"], results["best"], results["trivial"]
    headline = results["headline"]
    name = NAMES.get(headline, headline)
    figures = [
        (f"test {name}", percent(test[headline])),
        (f"trivial predictor's {name}", percent(trivial[headline])),
        (
            f"best epoch's {name}",
            f"{percent(best[headline])} (epoch {best['epoch']:g})" if best else "none",
        ),
    ]
    if headline == "miou":
        figures += [
            ("pixel accuracy", percent(test["accuracy"])),
            ("trivial predictor's pixel accuracy", percent(trivial["accuracy"])),
            ("mean accuracy of classes", percent(test["mean_accuracy"])),
        ]
    loss = test["loss"]
    return [
        *figures,
        ("test loss", "not finite" if loss is None else f"{loss:.4g}"),
        ("epochs", f"{results['epochs']:g}"),
        ("steps", f"{results['steps']:,}"),
        ("training time", duration(results["train_seconds"])),
        ("parameters", f"{results['model']['parameters']:,}"),
        ("device", results["device"]),
        ("padding", str(results["padding"])),
        ("seed", str(results["seed"])),
    ]


def percent(share: float | None) -> str:
    """A part of one in words.

    Example:
        >>> percent(0.98765), percent(None)
        ('98.77%', 'no figure')
    """
    return "no figure" if share is None else f"{share:.2%}"


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


class Thumbnail(NamedTuple):
    """A test image, what is true and said of it, and whether that is the same."""

    source: str
    number: int
    true: str
    said: str
    sure: str
    right: bool
    small: bool


def thumbnails(answers: list[Answers], classes: list[str]) -> list[Thumbnail]:
    """Shows test images and what was said of them.

    Args:
        answers: the images.
        classes: the name of each class.

    Returns:
        One for each; those larger than 224 pixels are scaled down.
    """
    return [
        Thumbnail(
            source=pixels(shrink(found.image, THUMBNAIL)),
            number=found.number,
            true=classes[found.label],
            said=classes[found.prediction],
            sure=f"{found.probability:.0%}",
            right=found.label == found.prediction,
            small=max(found.image.shape) < 100,
        )
        for found in answers
    ]


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
