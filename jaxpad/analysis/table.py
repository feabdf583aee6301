"""The report of `jaxpad.check` as text of at most 100 columns."""

import functools
import math
import textwrap
from collections.abc import Sequence
from typing import Any

from ..padding import Padding, mode_name


WIDTH = 100
HEAD = ("layer", "input", "output", "window", "mode", "amount", "unused", "field")
SHARES = ("touched", "taps")
LEGEND = (
    "unused: trailing cells that no window reads. field: receptive field against the "
    "image. touched: outputs that see padding at this layer. taps: mean part of its "
    "window that is padding."
)


def table(report: Any) -> str:
    """A line per layer that has a border, then the warnings."""
    rows = [row for row in report.rows if not _plain(row)]
    lines = [_cells(row) for row in rows]
    head = [*HEAD, *SHARES]
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    left = WIDTH - sum(widths[1:]) - 2 * (len(head) - 1)
    widths[0] = min(widths[0], max(left, 8))
    text = [_line(cells, widths) for cells in [head, *lines]]
    if plain := len(report.rows) - len(rows):
        text.append(f"({plain} calls of layers with a window of one cell: no border)")
    text += ["", *textwrap.wrap(LEGEND, WIDTH)]
    text.append(
        f"Of the model's output {_percent(report.fraction)} comes from padding."
    )
    for warning in report.warnings:
        text += textwrap.wrap(f"! {warning}", WIDTH, subsequent_indent="  ")
    return "\n".join(text)


def _plain(row: Any) -> bool:
    """Whether a layer has no border at all."""
    return row.window is not None and all(
        k == 1 and tuple(pair) == (0, 0)
        for k, pair in zip(row.window.window, row.window.widths, strict=True)
    )


def _cells(row: Any) -> list[str]:
    window = row.window
    return [
        row.path,
        by(row.input),
        by(row.output),
        "?" if window is None else _window(window),
        "?" if row.padding is None else padding_name(row.padding),
        _amount(row),
        "?" if window is None else by(row.unused) if any(row.unused or ()) else "-",
        "?" if row.field is None else by(row.field),
        _percent(row.touched),
        _percent(row.taps),
    ]


def by(numbers: Sequence[int]) -> str:
    """ "7x5"; one number for axes that agree, as their names need not be told apart."""
    return str(numbers[0]) if len(set(numbers)) == 1 else "x".join(map(str, numbers))


def _window(window: Any) -> str:
    text = "x".join(map(str, window.window))
    text += f"/{by(window.stride)}" if set(window.stride) != {1} else ""
    return text + (f" d{by(window.dilation)}" if set(window.dilation) != {1} else "")


def _amount(row: Any) -> str:
    if row.window is None:
        return "?" if row.padding is None else str(row.padding.amount)
    pairs = [f"{lo},{hi}" for lo, hi in row.window.widths]
    return pairs[0] if len(set(pairs)) == 1 else " ".join(pairs)


def padding_name(padding: Padding) -> str:
    """The mode as one would write it, with its reweighting."""
    mode = _name(padding.mode)
    reweight = padding.reweight
    return mode if reweight is None else f"{mode}+{_name(reweight)}"


def _name(mode: Any) -> str:
    if isinstance(mode, tuple):
        return "/".join(map(_name, mode))
    # Its options, which may be arrays, have no room in a table.
    return _name(mode.func) if isinstance(mode, functools.partial) else mode_name(mode)


def _percent(share: float) -> str:
    if math.isnan(share):
        return "?"
    return "-" if share == 0 else f"{100 * share:.1f}%"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    # The end of a path says more than its beginning.
    first = first if len(first) <= widths[0] else "..." + first[3 - widths[0] :]
    text = [first.ljust(widths[0])]
    text += [cell.rjust(n) for cell, n in zip(rest, widths[1:], strict=True)]
    return "  ".join(text).rstrip()
