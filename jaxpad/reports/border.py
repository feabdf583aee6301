"""Accuracy of images with much near their border, against images with little."""

from functools import partial
from typing import Any

from matplotlib.axes import Axes

from jaxpad.reports.figure import BLUE, PALE, Picture, draw


Group = dict[str, Any]


def border_picture(border: dict[str, Any]) -> Picture:
    """Draws each group's accuracy with its 95% interval.

    Args:
        border: the part of results.json of that name.

    Returns:
        The picture. Its axis covers the intervals alone: from 0% on, intervals a few
        percent wide could not be told apart.
    """
    groups = border["groups"]
    alt = "Accuracy for each group: " + "; ".join(map(_in_words, groups)) + "."
    source = draw(partial(_paint, groups), 4.2, 0.9 + 0.75 * len(groups))
    return Picture("Accuracy near the border", source, alt)


def border_sentence(border: dict[str, Any]) -> str:
    """Says in words what the comparison shows, and what it cannot show.

    Args:
        border: the part of results.json of that name.

    Returns:
        Sentences about the first and the last group that have examples.
    """
    groups = [group for group in border["groups"] if group["examples"]]
    if len(groups) < 2:
        return "Fewer than two groups have examples, so there is nothing to compare."
    one, other = groups[0], groups[-1]
    overlap = max(one["interval"][0], other["interval"][0]) <= min(
        one["interval"][1], other["interval"][1]
    )
    verdict = (
        "The two intervals overlap: this one run neither shows a difference between "
        "these groups nor rules one out."
        if overlap
        else "The two intervals do not overlap: the difference is larger than the "
        "choice of test images explains. The groups hold different images, so this "
        "alone does not make the padding its cause: compare runs that differ in the "
        "padding and in nothing else, with several seeds."
    )
    return f"Accuracy is {_in_words(one)} and {_in_words(other)}. {verdict}"


def _in_words(group: Group) -> str:
    if not group["examples"]:
        return f"no examples in the group '{group['label']}'"
    low, high = group["interval"]
    return (
        f"{group['accuracy']:.1%} in the group '{group['label']}' ({group['correct']} "
        f"of {group['examples']}, 95% interval {low:.1%} to {high:.1%})"
    )


def _paint(groups: list[Group], axes: Axes) -> None:
    axes.use_sticky_edges = False  # else the lowest bar looks cut off at the axis
    for row, group in enumerate(groups):
        if group["examples"]:
            low, high = (100 * end for end in group["interval"])
            accuracy = 100 * group["accuracy"]
            axes.barh(row, high - low, left=low, height=0.3, color=PALE)
            axes.plot(accuracy, row, "o", color=BLUE)
            text = f"{accuracy:.1f}%"
            axes.text(accuracy, row - 0.2, text, ha="center", va="bottom")
    labels = [
        f"{group['label']}\n{group['range'][0]:.3g} to {group['range'][1]:.3g}\n"
        f"n = {group['examples']}"
        for group in groups
    ]
    axes.set_yticks(range(len(groups)), labels)
    axes.set(xlabel="accuracy (%), bar: its 95% interval")
    axes.set_ylim(len(groups) - 0.5, -0.6)
    axes.grid(visible=False, axis="y")
