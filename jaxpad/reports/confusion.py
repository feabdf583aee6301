"""Which classes are taken for which."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from jaxpad.reports.figure import INK, Plate


MOST_NUMBERED = 20  # classes; above it the numbers in the cells cannot be read


class Confusion(NamedTuple):
    """A kind of mistake: the true class, the answer, how often, of the true class."""

    true: str
    said: str
    times: int
    share: float


def confusion_plate(
    confusion: np.ndarray, classes: list[str], unit: str = "examples"
) -> Plate:
    """Draws the confusion matrix, coloured by the share of each row.

    Args:
        confusion: counts [true, predicted], of at most about 40 classes.
        classes: the name of each class.
        unit: what is counted. Of "examples" the counts are written into the cells, of
            "pixels", which are too many to read, the percentages.

    Returns:
        The figure.
    """
    numbered = len(classes) <= MOST_NUMBERED
    side = max(2.9, (0.29 if numbered else 0.19) * len(classes))
    labels = 0.085 * max(len(_shorten(name)) for name in classes)
    right = int(np.trace(confusion))
    alt = (
        f"Confusion matrix of {len(classes)} classes: {right} of "
        f"{int(confusion.sum())} {unit} lie on the diagonal."
    )

    def paint(figure: Figure) -> None:
        _paint(confusion, classes, unit, figure.add_subplot())

    size = side + labels + 1.4, side + labels + 0.5
    return Plate("confusion", "Confusion matrix", alt, paint, *size)


def worst_confusions(results: dict[str, Any]) -> list[Confusion]:
    """Names the classes that are most often taken for others.

    Args:
        results: the content of results.json.

    Returns:
        The largest count first: up to 10, or 40 where there is no matrix.
    """
    classes, test = results["dataset"]["classes"], results["test"]
    totals = test.get("class_examples") or test["class_pixels"]
    most = 40 if results["confusion"] is None else 10
    return [
        Confusion(str(classes[true]), str(classes[said]), count, count / totals[true])
        for true, said, count in results["confusions"][:most]
    ]


def _paint(confusion: np.ndarray, classes: list[str], unit: str, axes: Axes) -> None:
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    # The square root makes a row's few mistakes visible beside its many right answers.
    norm = PowerNorm(0.5, vmin=0, vmax=1)
    cells = axes.imshow(share, cmap="Blues", norm=norm, interpolation="none")
    bar = axes.figure.colorbar(cells, ax=axes, fraction=0.04, ticks=[0, 0.1, 0.5, 1])
    bar.set_label("share of the true class")
    bar.ax.set_yticklabels(["0%", "10%", "50%", "100%"])
    _label(axes, classes)
    if len(classes) > MOST_NUMBERED:
        return
    size = 8 if unit == "pixels" or confusion.max() < 1000 else 6.5
    for (true, said), count in np.ndenumerate(confusion):
        color = "white" if norm(share[true, said]) > 0.55 else INK
        text = (
            _percent(float(share[true, said])) if unit == "pixels" else str(count or "")
        )
        axes.text(said, true, text, color=color, size=size, ha="center", va="center")


def _percent(share: float) -> str:
    if share == 0:
        return ""
    return "<1" if share < 0.005 else f"{100 * share:.0f}"


def _label(axes: Axes, classes: list[str]) -> None:
    ticks = range(len(classes))
    names = [_shorten(name) for name in classes]
    upright = max(map(len, names), default=0) <= 2
    axes.set_xticks(ticks, names, rotation=0 if upright else 90)
    axes.set_yticks(ticks, names)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.grid(False)


def _shorten(name: str, most: int = 12) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
