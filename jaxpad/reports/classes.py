"""How well each class is found, the worst first."""

from typing import Any, NamedTuple

from jaxpad.reports.masks import css, palette


class Column(NamedTuple):
    """A column of the table: its heading, and whether its cells have bars."""

    title: str
    bar: bool


class Cell(NamedTuple):
    """A cell: its text, the value to sort by (None: always last), a colour or none."""

    text: str
    value: float | None
    colour: str = ""


class Table(NamedTuple):
    """Columns after the first, which names the class, and rows of cells."""

    columns: list[Column]
    rows: list[list[Cell]]


def class_table(results: dict[str, Any]) -> Table:
    """Puts the figures of each class in a table.

    Args:
        results: the content of results.json.

    Returns:
        The table: the lowest accuracy or IoU first, classes without figures last.
    """
    test, classes = results["test"], results["dataset"]["classes"]
    if results["dataset"]["task"] == "segmentation":
        columns = [Column("IoU", True), Column("accuracy", True)]
        shares, counts = [test["class_iou"], test["class_accuracy"]], "pixels"
        colours = [css(colour) for colour in palette(classes)]
    else:
        columns = [Column("accuracy", True)]
        shares, counts = [test["class_accuracy"]], "examples"
        colours = [""] * len(classes)
    columns += [Column(counts, False), Column("share of all", False)]
    total = max(1, sum(test[f"class_{counts}"]))
    rows = []
    for number, name in enumerate(classes):
        count = test[f"class_{counts}"][number]
        rows.append(
            [
                Cell(str(name), number, colours[number]),
                *(_share(values[number]) for values in shares),
                Cell(f"{count:,}", count),
                _share(count / total),
            ]
        )
    return Table(columns, sorted(rows, key=_worst))


def _share(value: float | None) -> Cell:
    return Cell("no figure" if value is None else f"{value:.1%}", value)


def _worst(row: list[Cell]) -> tuple[bool, float]:
    return row[1].value is None, row[1].value or 0.0
