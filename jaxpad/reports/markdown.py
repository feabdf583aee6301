"""Tables in Markdown, and pages that have places for them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(heads: Sequence[Any], lines: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown.

    Args:
        heads: of the columns.
        lines: the cells of each, as many as there are heads.

    Example:
        >>> print(table(("mode", "rows"), [("zero", 3), ("circular", 4)]))
        | mode | rows |
        | --- | --- |
        | zero | 3 |
        | circular | 4 |
    """
    every = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in every)


def filled(page: str, tables: Mapping[str, str]) -> str:
    """A page with its tables, each between `<!-- NAME -->` and `<!-- end NAME -->`.

    Args:
        page: whose tables may be old; what stands outside them stays.
        tables: Markdown by name.

    Raises:
        ValueError: if the page has no place for one of them.

    Example:
        >>> page = filled("Rows: <!-- rows -->old<!-- end rows -->", {"rows": "new"})
        >>> page
        'Rows: <!-- rows -->\\n\\nnew\\n\\n<!-- end rows -->'
        >>> filled(page, {"times": "new"})
        Traceback (most recent call last):
        ValueError: The page has no place for its table 'times': write the lines ...
    """
    for name, text in tables.items():
        start, end = f"<!-- {name} -->", f"<!-- end {name} -->"
        before, begun, rest = page.partition(start)
        _, ended, after = rest.partition(end)
        if not begun or not ended:
            raise ValueError(
                f"The page has no place for its table {name!r}: write the lines "
                f"{start} and {end} where it belongs."
            )
        page = f"{before}{start}\n\n{text}\n\n{end}{after}"
    return page
