"""Plans of the arms of a sweep, side by side."""

import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rich.console import Console

from .build import build
from .memory import size
from .plan import plan
from .planned import Plan, short_time, values_of
from .sweep import Overrides, in_words, with_overrides
from .workdir import write_whole


class Arm(NamedTuple):
    """What an arm of a sweep takes.

    Attributes:
        overrides: what it changes in the config.
        plan: of its step; None if there is no such job, or its step cannot be compiled.
        refused: why not; empty if there is a plan.
    """

    overrides: Overrides
    plan: Plan | None
    refused: str = ""

    @property
    def fits(self) -> bool:
        """Whether its step is planned and fits into the memory, as far as is known."""
        return self.plan is not None and self.plan.fits


def plans(
    config: Any,
    sweep: Sequence[Overrides],
    devices: Sequence[Any] | None,
    console: Console,
    cache: pathlib.Path | None = None,
) -> list[Arm]:
    """Compiles the training step of each arm; one that is refused stops no other.

    Args:
        config: a `ConfigDict`.
        sweep: from `read_sweep`.
        devices: that need not be there; those that jax sees by default.
        console: where progress is shown.
        cache: a folder that keeps what is found, as compiling may take minutes.
    """
    arms = []
    for number, overrides in enumerate(sweep, 1):
        console.print(
            f"arm {number} of {len(sweep)}: {in_words(overrides)}",
            highlight=False,
            markup=False,
        )
        try:
            job = build(with_overrides(config, overrides), devices)
            arms.append(Arm(overrides, plan(job, console, cache)))
        except (TypeError, ValueError, ImportError) as error:
            arms.append(Arm(overrides, None, str(error)))
    return arms


def write_plans(arms: Sequence[Arm], folder: pathlib.Path) -> pathlib.Path:
    """Writes `plans.json` into a folder; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [
        {
            "overrides": arm.overrides,
            "refused": arm.refused,
            "plan": arm.plan and values_of(arm.plan),
        }
        for arm in arms
    ]
    write_whole(folder / "plans.json", json.dumps(found, indent=2) + "\n")
    return folder / "plans.json"


# Of a plan that is there.
COLUMNS: dict[str, Callable[[Plan], str]] = {
    "fits": lambda found: ("yes" if found.fits else "no") if found.chip else "",
    "peak": lambda found: size(found.peak),
    "of chip": lambda found: (
        f"{found.peak / found.chip.memory:.1%}" if found.chip else ""
    ),
    "arguments": lambda found: size(found.arguments),
    "activations": lambda found: size(found.activations),
    "FLOPs": lambda found: f"{found.flops:.3g}",
    "moved": lambda found: size(round(found.moved)),
    "collectives": lambda found: size(sum(b for _, b in found.collectives.values())),
    "roofline": lambda found: short_time(found.seconds) if found.seconds else "",
    "largest batch": lambda found: (
        "" if found.largest_batch is None else f"{found.largest_batch:,}"
    ),
}


def show_plans(arms: Sequence[Arm]) -> str:
    """A row an arm, and below what is to be known of some."""
    rows = [["arm", *COLUMNS]]
    for arm in arms:
        found = arm.plan
        cells = [of(found) for of in COLUMNS.values()] if found else ["refused"]
        rows.append([in_words(arm.overrides), *cells])
    first = max(len(row[0]) for row in rows)
    widths = [
        max(len(row[column]) for row in rows if column < len(row))
        for column in range(1, len(rows[0]))
    ]
    lines = [
        row[0].ljust(first)
        + "".join(
            f"  {cell:>{width}}" for cell, width in zip(row[1:], widths, strict=False)
        )
        for row in rows
    ]
    return "\n".join([*(line.rstrip() for line in lines), *_said(arms)])


def _said(arms: Sequence[Arm]) -> list[str]:
    """What an arm's plan notes, or why it was refused."""
    return [
        f"\n{in_words(arm.overrides)}: {text}"
        for arm in arms
        for text in ([arm.refused] if arm.plan is None else arm.plan.notes)
    ]
