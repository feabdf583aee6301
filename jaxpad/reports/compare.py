"""Two runs side by side: in what their configs differ, their figures, their curves."""

import pathlib
from typing import NamedTuple

from jaxpad.reports.figure import Plate
from jaxpad.reports.files import write_whole
from jaxpad.reports.folder import Run, read_run
from jaxpad.reports.page import template
from jaxpad.reports.sweeps.curves import learning
from jaxpad.reports.sweeps.key import looks
from jaxpad.reports.sweeps.lines import line_plate
from jaxpad.reports.sweeps.read import Arm, Result, Sweep
from jaxpad.reports.words import duration, flatten, key_figures


NOTHING = "none"  # stands where only the other run has something


class Side(NamedTuple):
    """A line of both runs: a name, and what each has."""

    name: str
    one: str
    other: str


def write_comparison(
    one: str | pathlib.Path, other: str | pathlib.Path
) -> tuple[str, pathlib.Path]:
    """Compares two runs, in words and on a page.

    Args:
        one: the folder of a run.
        other: the folder of another.

    Returns:
        The words, and the path of the page: `compare.html` in the current folder.

    Raises:
        FileNotFoundError: a folder, or one of its files, is not there.
        ValueError: a file does not hold what it should, or the runs have different
            tasks; the message names it.
    """
    folders = pathlib.Path(one), pathlib.Path(other)
    runs = read_run(one), read_run(other)
    if folders[0].resolve() == folders[1].resolve():
        raise ValueError(f"both folders are {str(one)!r}; expected two runs.")
    tasks = [run.results["dataset"]["task"] for run in runs]
    if tasks[0] != tasks[1]:
        raise ValueError(
            f"{str(one)!r} is of {tasks[0]} and {str(other)!r} of {tasks[1]}; expected "
            "two runs of one task."
        )
    names = [f"A: {folders[0].name}", f"B: {folders[1].name}"]
    config, figures = differing(*(run.config for run in runs)), _figures(*runs)
    page = template("compare.html.j2").render(
        names=names,
        folders=[str(folder) for folder in folders],
        config=config,
        figures=figures,
        curves=[plate.picture() for plate in _curves(names, runs)],
    )
    path = pathlib.Path("compare.html")
    write_whole(path, page.encode())
    return _in_words(folders, config, figures), path


def differing(one: dict, other: dict) -> list[Side]:
    """The keys of two configs that have different values.

    Args:
        one: a nested config.
        other: another.

    Example:
        >>> differing({"seed": 0, "model": {"name": "a"}}, {"seed": 1, "model": {}})
        [Side(name='seed', one='0', other='1'),
         Side(name='model.name', one='"a"', other='none'),
         Side(name='model', one='none', other='{}')]
    """
    first, second = dict(flatten(one)), dict(flatten(other))
    sides = [
        Side(key, first.get(key, NOTHING), second.get(key, NOTHING))
        for key in dict.fromkeys([*first, *second])
    ]
    return [side for side in sides if side.one != side.other]


def _figures(one: Run, other: Run) -> list[Side]:
    """Key figures of both, and what their steps take."""
    tables = [dict([*key_figures(run.results), *_costs(run)]) for run in (one, other)]
    names = dict.fromkeys([*tables[0], *tables[1]])
    return [
        Side(name, *(table.get(name, NOTHING) for table in tables)) for name in names
    ]


def _costs(run: Run) -> list[tuple[str, str]]:
    step, memory = (run.results.get(key) for key in ("step_seconds", "memory_bytes"))
    found = [("training step", step and f"{1000 * step:.4g} ms")]
    found += [("memory of a device", memory and f"{memory / 2**20:,.1f} MiB")]
    found += [("time a step, all in all", _per_step(run))]
    return [(name, text) for name, text in found if text]


def _per_step(run: Run) -> str:
    steps = run.results["steps"]
    return duration(run.results["train_seconds"] / steps) if steps else ""


def _curves(names: list[str], runs: tuple[Run, Run]) -> list[Plate]:
    arms = [
        Arm(name, {0: Result(name, run, None)})
        for name, run in zip(names, runs, strict=True)
    ]
    seen = looks(names, names[0])
    return [line_plate(c, seen) for c in learning(Sweep([], arms, [], []))]


def _in_words(
    folders: tuple[pathlib.Path, pathlib.Path], config: list[Side], figures: list[Side]
) -> str:
    """Two tables for a terminal."""
    heads = Side("", *(folder.name for folder in folders))
    rows = [heads, *config, Side("", "", ""), *figures]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [
        f"{row.name:{widths[0]}}  {row.one:{widths[1]}}  {row.other}" for row in rows
    ]
    said = "differ in" if config else "have the same config"
    return "\n".join([f"A and B {said}", *(line.rstrip() for line in lines)])
