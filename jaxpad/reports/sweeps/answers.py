"""What each arm takes for what: its confusion matrix over seeds, and some errors."""

from typing import NamedTuple

import numpy as np

from jaxpad.reports.confusion import confusion_plate
from jaxpad.reports.figure import Plate
from jaxpad.reports.masks import Overlay, legend, overlays
from jaxpad.reports.page import Thumbnail, thumbnails
from jaxpad.reports.sweeps.read import Arm, Sweep


MOST_ERRORS = 8
MOST_MASKS = 2


class Answers(NamedTuple):
    """Of one arm: a matrix over all seeds, and examples of one seed.

    Attributes:
        arm: its name.
        seeds: that the matrix is the sum of.
        confusion: its figure; `None` where there are too many classes.
        seed: that the examples are of.
        errors: the most confident mistakes, of a classification.
        masks: test images, of a segmentation.
        legend: of the masks.
    """

    arm: str
    seeds: int
    confusion: Plate | None
    seed: int
    errors: list[Thumbnail]
    masks: list[Overlay]
    legend: list[tuple[str, str]]


def answers(sweep: Sweep) -> list[Answers]:
    """Confusions and examples of each arm; none of texts, which have no classes.

    Args:
        sweep: the runs.
    """
    first = next(iter(sweep.arms[0].runs.values()))
    if first.run.results["dataset"]["task"] == "language":
        return []
    return [_answers(number, arm) for number, arm in enumerate(sweep.arms)]


def _answers(number: int, arm: Arm) -> Answers:
    seed, first = next(iter(arm.runs.items()))
    classes = [str(name) for name in first.run.results["dataset"]["classes"]]
    masks = first.run.masks[:MOST_MASKS]
    return Answers(
        *(arm.name, len(arm.runs), _confusion(number, arm, classes), seed),
        thumbnails(first.run.errors[:MOST_ERRORS], classes),
        overlays(masks, classes),
        legend(masks, classes) if masks else [],
    )


def _confusion(number: int, arm: Arm, classes: list[str]) -> Plate | None:
    """The sum over seeds, whose test examples are the same."""
    results = [each.run.results for each in arm.runs.values()]
    found = [each["confusion"] for each in results]
    if any(matrix is None or len(matrix) != len(classes) for matrix in found):
        return None
    unit = "pixels" if results[0]["dataset"]["task"] == "segmentation" else "examples"
    total = np.sum([np.array(matrix, int) for matrix in found], axis=0)
    plate = confusion_plate(total, classes, unit)
    seeds = f"sum over {len(found)} seeds" if len(found) > 1 else "one seed"
    title = f"Confusions of {arm.name}, {seeds}"
    return plate._replace(name=f"confusion_{number}", title=title)
