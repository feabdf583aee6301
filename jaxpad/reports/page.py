"""The page itself: key figures in words, pictures, and the config as run."""

import pathlib
from typing import Any, NamedTuple

import jinja2
import numpy as np

from jaxpad.reports.arrays import Answers
from jaxpad.reports.border import border_picture, border_sentence
from jaxpad.reports.classes import class_table
from jaxpad.reports.confusion import confusion_plate, worst_confusions
from jaxpad.reports.curves import gaps, learning_curves
from jaxpad.reports.figure import Picture
from jaxpad.reports.files import write_whole
from jaxpad.reports.folder import Run, read_run
from jaxpad.reports.masks import legend, overlays
from jaxpad.reports.raster import EXACT, pixels, shrink
from jaxpad.reports.texts import spans
from jaxpad.reports.words import flatten, key_figures, percent


MOST_ERRORS = 24
THUMBNAIL = 224  # pixels of the longer side


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
    write_whole(path, render(read_run(workdir)).encode())
    return path


def render(run: Run) -> str:
    """Makes the page of a run.

    Args:
        run: the run.

    Returns:
        HTML.
    """
    results = run.results
    shared: dict[str, Any] = {
        "results": results,
        "figures": key_figures(results),
        "curves": learning_curves(run),
        "gaps": gaps(run),
        "config": flatten(run.config),
    }
    if results["dataset"]["task"] == "language":
        texts = [(text.key, list(spans(text))) for text in run.texts]
        return template("text.html.j2").render(**shared, texts=texts, masks=False)
    classes = [str(name) for name in results["dataset"]["classes"]]
    masks = results["dataset"]["task"] == "segmentation"
    border = results.get("border")
    return template("run.html.j2").render(
        **shared,
        masks=masks,
        unit="pixels" if masks else "examples",
        classes=class_table(results),
        confusion=_confusion(results, classes),
        worst=worst_confusions(results),
        answers=thumbnails(run.answers, classes),
        errors=thumbnails(run.errors[:MOST_ERRORS], classes),
        overlays=overlays(run.masks, classes),
        legend=legend(run.masks, classes),
        border=border and border_picture(border),
        border_sentence=border and border_sentence(border),
    )


def template(name: str) -> jinja2.Template:
    """A template of this folder, which escapes every text that it is given."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    return environment.get_template(name)


def _confusion(results: dict[str, Any], classes: list[str]) -> Picture | None:
    if results["confusion"] is None:
        return None
    unit = "pixels" if results["dataset"]["task"] == "segmentation" else "examples"
    matrix = np.array(results["confusion"], int)
    return confusion_plate(matrix, classes, unit).picture()


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
            small=max(found.image.shape) <= EXACT,
        )
        for found in answers
    ]
