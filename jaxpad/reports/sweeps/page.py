"""A sweep's page, its figures and its numbers, made from the files of its runs."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jaxpad.reports.figure import Picture, Plate
from jaxpad.reports.files import write_whole
from jaxpad.reports.page import template
from jaxpad.reports.sweeps.answers import Answers, answers
from jaxpad.reports.sweeps.curves import learning, meanings, near_borders
from jaxpad.reports.sweeps.dots import dots
from jaxpad.reports.sweeps.heat import crossed, maps, reasons
from jaxpad.reports.sweeps.key import Look, looks
from jaxpad.reports.sweeps.lines import Chart, line_plate
from jaxpad.reports.sweeps.metrics import Table, costs, default_baseline, tables
from jaxpad.reports.sweeps.read import Arm, Result, Sweep, read_sweep
from jaxpad.reports.sweeps.record import record
from jaxpad.reports.sweeps.verdicts import cells, number, too_few, verdicts
from jaxpad.reports.words import NAMES, flatten
from jaxpad.untrusted import read_json


class Parts(NamedTuple):
    """What a page is made of: numbers, and figures by where they stand."""

    baseline: str
    looks: Mapping[str, Look]
    tables: list[Table]
    costs: list[Table]
    charts: list[Chart]
    answers: list[Answers]
    plates: dict[str, list[Plate]]

    def all_plates(self) -> list[Plate]:
        """In the order of the page."""
        plates = [plate for group in self.plates.values() for plate in group]
        return plates + [each.confusion for each in self.answers if each.confusion]


def write_sweep_report(
    folder: str | pathlib.Path, baseline: str | None = None
) -> pathlib.Path:
    """Writes `report.html`, `report.json` and `figures/*.png` into a folder of runs.

    The page is one file: nothing on it is fetched from a network. Links on it lead to
    the pages of single runs. `python -m jaxpad.reports FOLDER` does the same.

    Args:
        folder: of folders of runs, such as `launch.py --sweep` writes.
        baseline: the arm that others are compared with, such as "padding=zero"; `None`
            takes the one with the value "zero", or else the first.

    Returns:
        The path of the page.

    Raises:
        FileNotFoundError: the folder is not there, or holds no runs.
        ValueError: no run is finished, no arm is called as the baseline, or the runs do
            not belong together; the message names them.
    """
    folder = pathlib.Path(folder)
    sweep = read_sweep(folder)
    parts = make_parts(sweep, default_baseline(sweep.arms, baseline))
    plates = parts.all_plates()
    numbers = record(
        *(sweep, parts.baseline, parts.tables, parts.costs, parts.charts, plates)
    )
    _forget(folder, numbers["figures"])
    (folder / "figures").mkdir(exist_ok=True)
    pictures = {}
    for plate in plates:
        pictures[plate.name], png = plate.printed()
        write_whole(folder / "figures" / f"{plate.name}.png", png)
    content = json.dumps(numbers, indent=1, allow_nan=False) + "\n"
    write_whole(folder / "report.json", content.encode())
    path = folder / "report.html"
    write_whole(path, render(folder, sweep, parts, pictures).encode())
    return path


def _forget(folder: pathlib.Path, figures: Sequence[str]) -> None:
    """Removes the pictures of an earlier page that this one has not."""
    try:
        before = read_json(folder / "report.json")["figures"]
        mine = [pathlib.PurePath(name) for name in before]
    except (KeyError, OSError, TypeError, ValueError):
        return
    for name in mine:
        listed = name.parent == pathlib.PurePath("figures") and name.suffix == ".png"
        if listed and str(name) not in figures:
            (folder / name).unlink(missing_ok=True)


def make_parts(sweep: Sweep, baseline: str) -> Parts:
    """Computes the tables and figures of a sweep.

    Args:
        sweep: the runs.
        baseline: the name of an arm.
    """
    seen = looks([arm.name for arm in sweep.arms], baseline)
    found, learnt, near = tables(sweep, baseline), learning(sweep), near_borders(sweep)
    plates = {
        "differences": [p for t in found[:3] for p in dots(t, baseline, seen)],
        "learning": [line_plate(chart, seen) for chart in learnt],
        "crossed": crossed(sweep),
        "near": [line_plate(chart, seen) for chart in near],
        "maps": maps(sweep),
    }
    taken = costs(sweep, baseline)
    charts = [*learnt, *near]
    return Parts(baseline, seen, found, taken, charts, answers(sweep), plates)


def render(
    folder: pathlib.Path,
    sweep: Sweep,
    parts: Parts,
    pictures: Mapping[str, Picture],
) -> str:
    """Makes the page of a sweep.

    Args:
        folder: where the page will lie, for its links.
        sweep: the runs.
        parts: from `make_parts`.
        pictures: of the plates, by their names.

    Returns:
        HTML.
    """
    first = next(iter(sweep.arms[0].runs.values()))
    results = first.run.results
    head = parts.tables[0]
    return template("sweep.html.j2").render(
        title=_title(sweep, results),
        headline=NAMES.get(results["headline"], results["headline"]),
        note=results["dataset"]["note"],
        masks=results["dataset"]["task"] == "segmentation",
        baseline=parts.baseline,
        key=[(arm, parts.looks[arm.name]) for arm in sweep.arms],
        head=head.metric.title,
        verdicts=verdicts(head, parts.baseline),
        too_few=too_few(head),
        missing=sweep.missing,
        warnings=[*sweep.warnings, *_unknown(parts.tables)],
        tables=[
            (table.metric, [(row.arm, cells(table.metric, row)) for row in table.rows])
            for table in parts.tables
        ],
        pictures={
            place: [pictures[plate.name] for plate in group]
            for place, group in parts.plates.items()
        },
        meanings=meanings(sweep),
        reasons=reasons(sweep),
        answers=[
            (each, each.confusion and each.confusion.picture())
            for each in parts.answers
        ],
        classes=len(results["dataset"]["classes"]),
        costs=_costs(parts.costs),
        runs=_runs(folder, sweep.arms, parts.tables[0]),
        config=_common(sweep.arms),
    )


def _title(sweep: Sweep, results: Mapping[str, Any]) -> str:
    runs = sum(len(arm.runs) for arm in sweep.arms)
    what = ", ".join(sweep.keys) or "seed"
    return (
        f"{what}: {len(sweep.arms)} arms, {runs} runs of {results['model']['name']} on "
        f"{results['dataset']['name']}"
    )


def _unknown(tables: Sequence[Table]) -> list[str]:
    """A sentence for each arm some seeds of which have no number."""
    sentences = []
    for table in tables:
        for row in table.rows:
            lost = [str(s) for s, value in row.values.items() if value != value]
            if lost and row.seeds:
                sentences.append(
                    f"{table.metric.title} of {row.arm} is without seed "
                    f"{', '.join(lost)}, which has no finite number: the mean of the "
                    "others may flatter that arm."
                )
    return sentences


def _costs(found: Sequence[Table]) -> list[tuple[str, list[str]]]:
    """Rows of the table of costs, its heading first."""
    heads = [f"{t.metric.title} ({t.metric.unit})".replace(" ()", "") for t in found]
    rows = [("arm", heads)]
    for place, row in enumerate(found[0].rows if found else []):
        rows.append((row.arm, [_cost(table, place) for table in found]))
    return rows


def _cost(table: Table, place: int) -> str:
    row = table.rows[place]
    said = number(table.metric, row.mean)
    baseline = next(each.mean for each in table.rows if each.against is None)
    if row.against is None or not row.mean * baseline > 0:
        return said
    return f"{said} ({row.mean / baseline:.2f} x)"


def _runs(
    folder: pathlib.Path, arms: Sequence[Arm], table: Table
) -> list[tuple[str, int, str, str, bool]]:
    """Arm, seed, figure, folder, and whether there is a page, of each run."""
    values = {row.arm: row.values for row in table.rows}
    return [
        (
            arm.name,
            seed,
            number(table.metric, values[arm.name][seed]),
            result.folder,
            (folder / result.folder / "report.html").exists(),
        )
        for arm in arms
        for seed, result in arm.runs.items()
    ]


def _common(arms: Sequence[Arm]) -> list[tuple[str, str]]:
    """The keys of the config with the values that all runs share."""
    results: list[Result] = [each for arm in arms for each in arm.runs.values()]
    configs = [dict(flatten(result.run.config)) for result in results]
    return [
        (key, value)
        for key, value in configs[0].items()
        if all(config.get(key) == value for config in configs)
    ]
