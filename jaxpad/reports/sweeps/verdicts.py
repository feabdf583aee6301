"""What the tables of a sweep say, in words: which differences are real."""

import math
from typing import NamedTuple

from jaxpad.reports.sweeps.metrics import LEVEL, Metric, Row, Table


class Verdict(NamedTuple):
    """A sentence about an arm, and whether it found a difference: "yes" or "no"."""

    arm: str
    found: str
    text: str


def verdicts(table: Table, baseline: str) -> list[Verdict]:
    """A sentence for each arm but the baseline.

    Args:
        table: of one metric.
        baseline: the name of the arm that others are compared with.
    """
    return [
        Verdict(
            row.arm, "yes" if is_real(row) else "no", _sentence(table, row, baseline)
        )
        for row in table.rows
        if row.against
    ]


def too_few(table: Table) -> list[str]:
    """A warning for each arm with too few seeds for the difference that it shows.

    Args:
        table: of one metric.
    """
    count = sum(row.against is not None for row in table.rows)
    return [
        _warning(table.metric, row, count)
        for row in table.rows
        if row.against
        and not is_real(row)
        and (row.needed_corrected is None or row.needed_corrected > row.against.seeds)
    ]


def is_real(row: Row) -> bool:
    """Whether the corrected p-value is under the level."""
    return row.corrected <= LEVEL


def cells(metric: Metric, row: Row) -> list[str]:
    """A row in words: seeds, mean, deviation, difference, interval, p twice, how."""
    said = [str(row.seeds), number(metric, row.mean), number(metric, row.deviation)]
    if row.against is None:
        return [*said, "baseline", *[""] * 5]
    found = row.against
    interval = f"{signed(metric, found.low)} to {signed(metric, found.high)}"
    return [
        *said,
        signed(metric, found.mean),
        "none" if math.isnan(found.low) else interval,
        chance(found.p),
        chance(row.corrected),
        {"none": "too few seeds"}.get(found.how, f"{found.how}, n = {found.seeds}"),
        _needed(row),
    ]


def number(metric: Metric, value: float) -> str:
    """A figure as a table shows it."""
    if math.isnan(value):
        return "none"
    if metric.key == "parameters":
        return f"{value:,.0f}"
    return f"{value:.2f}" if metric.unit == "%" else f"{value:.4g}"


def signed(metric: Metric, value: float) -> str:
    """A difference as a table shows it."""
    if math.isnan(value):
        return "none"
    return f"{value:+.2f}" if metric.unit == "%" else f"{value:+.3g}"


def chance(p: float) -> str:
    """A p-value.

    Example:
        >>> chance(0.0312), chance(0.00002), chance(float("nan"))
        ('0.031', '< 0.001', 'none')
    """
    if math.isnan(p):
        return "none"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _needed(row: Row) -> str:
    if row.against is None or math.isnan(row.against.effect):
        return "unknown"
    if row.needed_corrected is None:
        return "over 100,000"
    return f"{row.needed:,} ({row.needed_corrected:,})"


def _amount(metric: Metric, value: float) -> str:
    return f"{signed(metric, value)} {metric.points}".rstrip()


def _sentence(table: Table, row: Row, baseline: str) -> str:
    metric, found = table.metric, row.against
    assert found is not None
    if math.isnan(found.mean):
        return f"has no numbers to compare with {baseline}."
    said = f"{_amount(metric, found.mean)} against {baseline}"
    if found.how == "none":
        return f"{said}, of one seed: nothing can be said of a difference."
    if math.isnan(found.p):
        return f"{said}, the same in every seed: there is no spread to judge it by."
    said = (
        f"{said}, 95% interval {signed(metric, found.low)} to "
        f"{signed(metric, found.high)}, corrected p {chance(row.corrected)}"
    )
    if not is_real(row):
        return f"{said}: no difference is shown, and none is ruled out."
    if metric.higher is None:
        return f"{said}: a difference."
    better = (found.mean > 0) == metric.higher
    return f"{said}: {'better' if better else 'worse'}, by more than chance explains."


def _warning(metric: Metric, row: Row, count: int) -> str:
    found = row.against
    assert found is not None
    if math.isnan(found.effect):
        return (
            f"{row.arm}: {found.seeds} seed(s) to compare, with no spread between "
            "them: train at least 5 seeds an arm."
        )
    more = (
        "more than 100,000 seeds an arm"
        if row.needed is None
        else f"about {row.needed:,} seeds an arm"
    )
    corrected = (
        f", {row.needed_corrected:,} with the correction for {count} arms"
        if count > 1 and row.needed_corrected
        else ""
    )
    return (
        f"{row.arm}: {found.seeds} seeds are too few to tell "
        f"{_amount(metric, found.mean)} from chance. If that is the true difference, "
        f"{more} would find it four times in five{corrected}."
    )
