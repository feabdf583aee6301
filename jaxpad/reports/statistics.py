"""How far arms of a sweep lie from a baseline, and how sure that is.

Intervals and p-values are those of Student's t (Student, "The probable error of a
mean", 1908): of differences seed by seed, or Welch's where the seeds are others ("The
generalization of 'Student's' problem", 1947). Several arms against one baseline are
corrected as Holm does ("A simple sequentially rejective multiple test procedure",
1979). SciPy has the distributions; it comes with jax.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.special import nctdtr, stdtr, stdtrit


LEVEL = 0.95  # of every interval
FLAT = 1e-12  # a spread so small beside the values is rounding
MOST = 100_000  # seeds; nobody trains more

Numbers = np.ndarray | np.floating  # what NumPy makes of an axis less


class Difference(NamedTuple):
    """An arm minus the baseline; each field is an array of one shape.

    Where there is no spread to judge by (one seed, or the same difference in each)
    there is no interval and no p-value: they are NaN.

    Attributes:
        mean: the difference of means.
        low: where its 95% interval begins.
        high: where it ends.
        p: two-sided, of no difference.
        effect: the mean over the standard deviation of one pair.
    """

    mean: Numbers
    low: Numbers
    high: Numbers
    p: Numbers
    effect: Numbers


class Comparison(NamedTuple):
    """A difference in plain numbers, and what it was made from.

    Attributes:
        mean: the difference of means.
        low: where its 95% interval begins.
        high: where it ends.
        p: two-sided, of no difference.
        effect: the mean over the standard deviation of one pair.
        how: "paired", "Welch" or "none".
        seeds: pairs, or the seeds of the smaller arm.
    """

    mean: float
    low: float
    high: float
    p: float
    effect: float
    how: str
    seeds: int


def deviation(values: np.ndarray) -> Numbers:
    """The sample standard deviation, sqrt(sum (x - mean)^2 / (n - 1)).

    Args:
        values: array [..., n].

    Returns:
        Array [...], NaN for n < 2.

    Example:
        >>> deviation(np.array([1.0, 2.0, 3.0])).item()
        1.0
    """
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    return values.std(axis=-1, ddof=1)


def paired(values: np.ndarray, baseline: np.ndarray) -> Difference:
    """Student's t of differences d = values - baseline, seed by seed.

    mean(d) +- t(0.975, n - 1) s_d / sqrt(n), with s_d the sample standard deviation.

    Args:
        values: array [..., n].
        baseline: array [..., n], of the same seeds.

    Example:
        >>> found = paired(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0]))
        >>> found.mean.item(), round(found.p.item(), 4)
        (2.0, 0.0742)
    """
    each = values - baseline
    count, spread = each.shape[-1], deviation(each)
    scale = np.maximum(abs(values), abs(baseline)).max(-1)
    return _student(each.mean(-1), spread / np.sqrt(count), spread, count - 1.0, scale)


def welch(values: np.ndarray, baseline: np.ndarray) -> Difference:
    """Welch's t of two sets of seeds that need not be the same or as many.

    With the variances v = s^2 / n and w = s'^2 / m of the two means, the degrees of
    freedom are (v + w)^2 / (v^2 / (n - 1) + w^2 / (m - 1)).

    Args:
        values: array [..., n].
        baseline: array [..., m].
    """
    n, m = values.shape[-1], baseline.shape[-1]
    v, w = deviation(values) ** 2 / n, deviation(baseline) ** 2 / m
    with np.errstate(invalid="ignore", divide="ignore"):
        degrees = (v + w) ** 2 / (v**2 / (n - 1) + w**2 / (m - 1))
    scale = np.maximum(abs(values).max(-1), abs(baseline).max(-1))
    mean = values.mean(-1) - baseline.mean(-1)
    spread = np.sqrt(n * v + m * w)
    return _student(mean, np.sqrt(v + w), spread, degrees, scale)


def by_seed(values: Mapping[int, float], baseline: Mapping[int, float]) -> Comparison:
    """Compares two arms: paired where they share seeds, else by Welch's t.

    Pairs are made of the seeds that both have, if these are two or more, and at least
    half of the larger arm's. Numbers that are not finite are left out.

    Args:
        values: seed -> number.
        baseline: the same of the baseline.

    Example:
        >>> found = by_seed({0: 2.0, 1: 4.0, 2: 6.0}, {0: 1.0, 1: 2.0, 2: 3.0})
        >>> found.how, found.seeds, found.mean
        ('paired', 3, 2.0)
    """
    values, baseline = _finite(values), _finite(baseline)
    both = sorted(values.keys() & baseline.keys())
    if len(both) >= 2 and 2 * len(both) >= max(len(values), len(baseline)):
        arrays = [np.array([arm[s] for s in both]) for arm in (values, baseline)]
        return _compared(paired(*arrays), "paired", len(both))
    seeds = min(len(values), len(baseline))
    arrays = [np.array(list(arm.values()), float) for arm in (values, baseline)]
    if seeds >= 2:
        return _compared(welch(*arrays), "Welch", seeds)
    mean = float(arrays[0].mean() - arrays[1].mean()) if seeds else np.nan
    return Comparison(mean, np.nan, np.nan, np.nan, np.nan, "none", seeds)


def _compared(found: Difference, how: str, seeds: int) -> Comparison:
    mean, low, high, p, effect = map(float, found)
    return Comparison(mean, low, high, p, effect, how, seeds)


def within(found: Comparison, margin: float) -> bool | None:
    """Whether two arms are the same to a margin, by the 95% interval.

    Two one-sided tests at 2.5% ("A comparison of the two one-sided tests procedure and
    the power approach", Schuirmann, 1987).

    Args:
        found: of the two.
        margin: differences that are smaller do not matter.

    Returns:
        True if the interval lies inside of -margin to margin, False if it lies outside,
        None if it is neither, or of one seed. The same difference in each of several
        seeds is its own interval.

    Raises:
        ValueError: for a margin below 0, or that is no number.

    Example:
        >>> arm = {0: 1.01, 1: 2.0, 2: 2.99}
        >>> found = by_seed(arm, {0: 1.0, 1: 2.0, 2: 3.0})
        >>> within(found, 0.1), within(found, 0.02)
        (True, None)
    """
    if not margin >= 0:
        raise ValueError(f"margin={margin}: expected 0.0 or more.")
    if found.seeds < 2:
        return None
    low, high = found.low, found.high
    if np.isnan(low):
        low = high = found.mean
    if -margin <= low and high <= margin:
        return True
    return False if low > margin or high < -margin else None


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's correction: the chance of any false find among all is kept at the level.

    The i-th smallest of k becomes max over j <= i of (k - j + 1) p_j, at most 1.

    Args:
        p: array [..., k]; NaN stays NaN, and counts as a comparison that found nothing.

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
        [0.03, 0.06, 0.06]
    """
    count, known = p.shape[-1], np.where(np.isnan(p), 1.0, p)
    order = np.argsort(known, axis=-1)
    stepped = np.take_along_axis(known, order, -1) * (count - np.arange(count))
    corrected = np.minimum(np.maximum.accumulate(stepped, axis=-1), 1.0)
    back = np.take_along_axis(corrected, np.argsort(order, axis=-1), -1)
    return np.where(np.isnan(p), np.nan, back)


def power(effect: float, seeds: int, alpha: float = 0.05) -> float:
    """How often a paired t test finds a difference of that size.

    P(|T| > t(1 - alpha / 2, n - 1)) of a noncentral T with noncentrality effect
    sqrt(n).

    Args:
        effect: the true mean difference over its standard deviation.
        seeds: n.
        alpha: the level of the test.
    """
    bound, shift = stdtrit(seeds - 1, 1 - alpha / 2), abs(effect) * np.sqrt(seeds)
    outside = 1 - nctdtr(seeds - 1, shift, bound) + nctdtr(seeds - 1, shift, -bound)
    return float(outside)


def seeds_needed(effect: float, alpha: float = 0.05, aim: float = 0.8) -> int | None:
    """How many seeds of each arm find a difference of that size, four times in five.

    For Welch's t it is slightly too many: its degrees of freedom are at least n - 1,
    and here they are n - 1.

    Args:
        effect: the mean difference over its standard deviation.
        alpha: the level of the test; Bonferroni's alpha / k for k comparisons.
        aim: the power.

    Returns:
        The number, at least 2; `None` where there is no effect, no spread, or more
        than 100,000 are needed.

    Example:
        >>> seeds_needed(1.0), seeds_needed(0.5), seeds_needed(0.0)
        (10, 34, None)
    """
    if not np.isfinite(effect) or power(effect, MOST, alpha) < aim:
        return None
    low, high = 1, 2
    while power(effect, high, alpha) < aim:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        reached = power(effect, middle, alpha) >= aim
        low, high = (low, middle) if reached else (middle, high)
    return high


def _student(
    mean: Numbers,
    error: Numbers,
    spread: Numbers,
    degrees: Numbers | float,
    scale: Numbers,
) -> Difference:
    """The interval and p-value of a mean with a standard error."""
    flat = ~(spread > FLAT * scale)  # of one seed it is NaN
    error, spread = (np.where(flat, np.nan, s) for s in (error, spread))
    half = stdtrit(degrees, (1 + LEVEL) / 2) * error
    p = 2 * stdtr(degrees, -abs(mean) / error)
    return Difference(mean, mean - half, mean + half, p, mean / spread)


def _finite(arm: Mapping[int, float]) -> dict[int, float]:
    return {seed: value for seed, value in arm.items() if np.isfinite(value)}
