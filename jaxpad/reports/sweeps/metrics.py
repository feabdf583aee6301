"""The tables of a sweep: figures of each arm, and how far from a baseline's."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxpad.reports.statistics import (
    Comparison,
    by_seed,
    deviation,
    holm,
    seeds_needed,
)
from jaxpad.reports.sweeps.read import Arm, Result, Sweep
from jaxpad.reports.words import NAMES


LEVEL = 0.05


class Metric(NamedTuple):
    """A figure of a run.

    Attributes:
        key: in report.json.
        title: in words.
        unit: "%", "s" and so on, or empty.
        scale: from what a run has to the unit.
        higher: whether more is better; `None` where neither is.
        read: takes it from a run; `None` where it has none.
    """

    key: str
    title: str
    unit: str
    scale: int | float
    higher: bool | None
    read: Callable[[Result], int | float | None]

    @property
    def points(self) -> str:
        """The unit of a difference."""
        return "points" if self.unit == "%" else self.unit


class Row(NamedTuple):
    """An arm's line in a table; numbers are in the metric's unit, NaN where unknown.

    Attributes:
        arm: its name.
        values: of each seed.
        mean: over the seeds that have a number.
        deviation: the sample standard deviation over them.
        seeds: how many have one.
        against: the comparison with the baseline; `None` of the baseline itself.
        corrected: Holm's p over all arms of the table.
        needed: seeds that would find the difference seen, uncorrected.
        needed_corrected: the same at the level over the number of comparisons.
    """

    arm: str
    values: dict[int, float]
    mean: float
    deviation: float
    seeds: int
    against: Comparison | None
    corrected: float
    needed: int | None
    needed_corrected: int | None


class Table(NamedTuple):
    """A metric, and a row for each arm."""

    metric: Metric
    rows: list[Row]


def tables(sweep: Sweep, baseline: str) -> list[Table]:
    """A table for each figure that a run has, the headline's first.

    Args:
        sweep: the runs.
        baseline: the name of the arm that others are compared with.
    """
    found = [_table(m, sweep.arms, baseline) for m in metrics(sweep)]
    return [table for table in found if any(row.seeds for row in table.rows)]


def costs(sweep: Sweep, baseline: str) -> list[Table]:
    """The same of what training takes."""
    found = [_table(metric, sweep.arms, baseline) for metric in COSTS]
    return [table for table in found if any(row.seeds for row in table.rows)]


def metrics(sweep: Sweep) -> list[Metric]:
    """The figures that are compared: final and best epoch, loss, and near borders."""
    first = next(iter(sweep.arms[0].runs.values()))
    headline = first.run.results["headline"]
    name = NAMES.get(headline, headline)
    found = [
        _share(f"final_{headline}", f"Test {name}, final epoch", "test", headline),
        _share(f"best_{headline}", f"Test {name}, best epoch", "best", headline),
        Metric("loss", "Test loss, final epoch", "", 1, False, _of("test", "loss")),
    ]
    if headline == "miou":
        found += [
            _share("pixel_accuracy", "Pixel accuracy", "test", "accuracy"),
            _share(
                "mean_accuracy", "Mean accuracy of classes", "test", "mean_accuracy"
            ),
        ]
    shifts = "Shift consistency, mean over the shifts"
    return [
        *found,
        _nearest(headline),
        Metric("shift_consistency", shifts, "%", 100, True, _consistency),
    ]


def default_baseline(arms: Sequence[Arm], wanted: str | None) -> str:
    """The name of the baseline: the wanted one, else that with "zero", else the first.

    Raises:
        ValueError: no arm has that name.
    """
    names = [arm.name for arm in arms]
    if wanted is None:
        values = [{part.partition("=")[2] for part in n.split()} for n in names]
        with_zero = [n for n, v in zip(names, values, strict=True) if "zero" in v]
        return (with_zero or names)[0]
    if wanted not in names:
        raise ValueError(
            f"no finished arm is {wanted!r}; expected one of {', '.join(names)}. Type "
            f"--baseline {names[0]!r}, for example."
        )
    return wanted


def _table(metric: Metric, arms: Sequence[Arm], baseline: str) -> Table:
    values = {arm.name: _values(metric, arm) for arm in arms}
    against = {
        name: by_seed(each, values[baseline])
        for name, each in values.items()
        if name != baseline
    }
    p = holm(np.array([each.p for each in against.values()], float))
    corrected = dict(zip(against, p.tolist(), strict=True))
    rows = []
    for name, each in values.items():
        known = np.array([v for v in each.values() if np.isfinite(v)])
        found = against.get(name)
        effect = found.effect if found else np.nan
        rows.append(
            Row(
                name,
                each,
                float(known.mean()) if known.size else np.nan,
                float(deviation(known)),
                known.size,
                found,
                corrected.get(name, np.nan),
                seeds_needed(effect, LEVEL),
                seeds_needed(effect, LEVEL / max(1, len(against))),
            )
        )
    return Table(metric, rows)


def _values(metric: Metric, arm: Arm) -> dict[int, float]:
    found = {seed: metric.read(result) for seed, result in arm.runs.items()}
    return {
        s: np.nan if v is None else float(metric.scale * v) for s, v in found.items()
    }


def _of(*keys: str) -> Callable[[Result], int | float | None]:
    """Takes a figure from results.json; `None` where it is not there."""

    def read(result: Result) -> int | float | None:
        value: Any = result.run.results
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    return read


def _share(key: str, title: str, *keys: str) -> Metric:
    return Metric(key, title, "%", 100, True, _of(*keys))


def _near(result: Result) -> int | float | None:
    distance = result.borders and result.borders.distance
    if not distance or not distance["cells"]:
        return None
    return distance["accuracy"][int(np.argmin(distance["cells"]))]


def _nearest(headline: str) -> Metric:
    """Of pixels their accuracy; of classes what is left without the border."""
    if headline == "miou":
        words, higher = "Accuracy of the outermost pixels", True
    else:
        words, higher = "Accuracy with the outermost ring hidden", None
    return Metric("border_accuracy", words, "%", 100, higher, _near)


def _consistency(result: Result) -> int | float | None:
    shift = result.borders and result.borders.shift
    if not shift:
        return None
    pairs = zip(shift["pixels"], shift["consistency"], strict=True)
    moved = [share for pixels, share in pairs if pixels and share is not None]
    return sum(moved) / len(moved) if moved else None


COSTS = (
    Metric("padding", "Padding", "%", 100, False, _of("packing", "padding_share")),
    Metric(
        *("tokens_per_second", "Real tokens", "thousand a second", 1e-3, True),
        _of("packing", "tokens_per_second"),
    ),
    Metric("step_ms", "Training step", "ms", 1e3, False, _of("step_seconds")),
    Metric("memory_mib", "Memory", "MiB", 2.0**-20, False, _of("memory_bytes")),
    Metric("minutes", "Training", "min", 1 / 60, False, _of("train_seconds")),
    Metric("parameters", "Parameters", "", 1, None, _of("model", "parameters")),
)
