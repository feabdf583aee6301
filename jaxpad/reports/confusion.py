"""Which classes are taken for which."""

from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from jaxpad.reports.figure import INK, Picture, draw


MOST_NUMBERED = 20  # classes; above it the numbers in the cells cannot be read


def confusion_picture(confusion: np.ndarray, classes: list[str]) -> Picture:
    """Draws the confusion matrix, coloured by the share of each row.

    Args:
        confusion: counts [true, predicted].
        classes: the name of each class.

    Returns:
        The picture.
    """
    numbered = len(classes) <= MOST_NUMBERED
    side = max(2.9, 0.29 * len(classes)) if numbered else 4.2
    labels = 0.06 * max(len(_shorten(name)) for name in classes)
    paint = partial(_paint, confusion, classes)
    source = draw(paint, side + labels + 1.4, side + labels + 0.5)
    right = int(np.trace(confusion))
    alt = (
        f"Confusion matrix of {len(classes)} classes: {right} of "
        f"{int(confusion.sum())} examples lie on the diagonal."
    )
    return Picture("Confusion matrix", source, alt)


def worst_confusions(
    confusion: np.ndarray, classes: list[str], most: int = 3
) -> list[str]:
    """Says in words which classes are most often taken for which.

    Args:
        confusion: counts [true, predicted].
        classes: the name of each class.
        most: how many to name.

    Returns:
        One phrase for each, the largest count first; fewer where there are fewer.

    Example:
        >>> worst_confusions(np.array([[9, 1], [0, 10]]), ["cat", "dog"])
        ['true cat, said dog: 1 of 10 (10.0%)']
    """
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    return [
        f"true {classes[true]}, said {classes[said]}: {wrong[true, said]} of "
        f"{confusion[true].sum()} ({wrong[true, said] / confusion[true].sum():.1%})"
        for true, said in zip(*np.unravel_index(order, wrong.shape), strict=True)
        if wrong[true, said]
    ]


def _paint(confusion: np.ndarray, classes: list[str], axes: Axes) -> None:
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
    size = 8 if confusion.max() < 1000 else 6.5
    for (true, said), count in np.ndenumerate(confusion):
        color = "white" if norm(share[true, said]) > 0.55 else INK
        axes.text(
            said, true, str(count), color=color, size=size, ha="center", va="center"
        )


def _label(axes: Axes, classes: list[str]) -> None:
    every = -(-len(classes) // 25)  # at most 25 labels fit beside one another
    ticks = range(0, len(classes), every)
    names = [_shorten(classes[tick]) for tick in ticks]
    upright = max(map(len, names), default=0) <= 2
    axes.set_xticks(ticks, names, rotation=0 if upright else 90)
    axes.set_yticks(ticks, names)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.grid(False)


def _shorten(name: str, most: int = 12) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
