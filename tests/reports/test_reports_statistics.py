"""Intervals and p-values against SciPy's, and against what they promise."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from jaxpad.reports.statistics import (
    by_seed,
    deviation,
    holm,
    paired,
    power,
    seeds_needed,
    welch,
    within,
)


def planted(seed, sweeps, arms, seeds, effect=0.0):
    """Values [sweeps, arms, seeds] and a baseline of the same seeds, which matter."""
    rng = np.random.default_rng(seed)
    of_seed = rng.normal(size=(sweeps, 1, seeds))
    values = 0.9 + effect + of_seed + 0.5 * rng.normal(size=(sweeps, arms, seeds))
    return values, 0.9 + of_seed + 0.5 * rng.normal(size=(sweeps, 1, seeds))


def binomial(share, count):
    """Where a count with that share lies, but for once in a thousand times."""
    return stats.binom.interval(0.999, count, share)


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
def test_paired_equals_scipy(seeds):
    values, baseline = planted(seeds, 50, 1, seeds, effect=0.3)
    found = paired(values[:, 0], baseline[:, 0])
    theirs: Any = stats.ttest_rel(values[:, 0], baseline[:, 0], axis=-1)
    low, high = theirs.confidence_interval(0.95)
    for mine, expected in ((found.p, theirs.pvalue), (found.low, low)):
        np.testing.assert_allclose(mine, expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.high, high, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 3), (4, 9)])
def test_welch_equals_scipy(n, m):
    rng = np.random.default_rng(n)
    values, baseline = rng.normal(0.4, 1, (50, n)), rng.normal(0, 3, (50, m))
    found = welch(values, baseline)
    theirs: Any = stats.ttest_ind(values, baseline, axis=-1, equal_var=False)
    low, high = theirs.confidence_interval(0.95)
    for mine, expected in ((found.p, theirs.pvalue), (found.low, low)):
        np.testing.assert_allclose(mine, expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.high, high, rtol=1e-10, atol=1e-10)


def test_deviation_is_of_a_sample():
    values = np.random.default_rng(0).normal(size=(7, 5))
    np.testing.assert_allclose(deviation(values), stats.tstd(values, axis=-1))
    assert np.isnan(deviation(np.ones((3, 1)))).all()


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_intervals_hold_the_truth_as_often_as_they_say(seeds):
    values, baseline = planted(seeds, 20_000, 1, seeds, effect=0.2)
    found = paired(values, baseline)
    least, most = binomial(0.95, 20_000)
    assert least <= ((found.low <= 0.2) & (found.high >= 0.2)).sum() <= most


def test_welchs_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(2)
    values, baseline = rng.normal(1, 1, (20_000, 5)), rng.normal(0, 3, (20_000, 8))
    found = welch(values, baseline)
    inside = ((found.low <= 1) & (found.high >= 1)).mean()
    assert 0.94 < inside < 0.96  # Welch's degrees of freedom are an approximation


@pytest.mark.parametrize("arms", [1, 2, 5])
@pytest.mark.parametrize("how", [paired, welch])
def test_no_effect_is_seldom_found(arms, how):
    values, baseline = planted(10 + arms, 1000, arms, 5)
    if how is welch:  # other seeds than the baseline's
        values = planted(20 + arms, 1000, arms, 5)[0]
        values += np.random.default_rng(3).normal(size=values.shape)
    corrected = holm(np.asarray(how(values, np.broadcast_to(baseline, values.shape)).p))
    found = (corrected <= 0.05).any(-1).sum()
    assert found <= 65
    assert arms > 1 or found >= 10  # a test that never finds anything is none


def test_a_planted_effect_is_found():
    values, baseline = planted(4, 1000, 3, 5, effect=3.0)
    assert (holm(np.asarray(paired(values, baseline).p)) <= 0.05).all(-1).mean() > 0.9


def test_holm_step_by_step():
    p = np.array([0.04, np.nan, 0.01, 0.02])
    np.testing.assert_allclose(holm(p), [0.08, np.nan, 0.04, 0.06])
    np.testing.assert_allclose(holm(np.array([0.01, 0.011])), [0.02, 0.02])
    np.testing.assert_allclose(holm(np.array([0.6, 0.9, 0.5])), [1, 1, 1])
    assert holm(np.zeros((3, 0))).shape == (3, 0)


def test_holm_rejects_what_its_definition_rejects():
    rng = np.random.default_rng(5)
    for p in rng.uniform(0, 0.1, (200, 4)):
        rejected, order = set(), np.argsort(p)
        for rank, arm in enumerate(order):
            if p[arm] > 0.05 / (4 - rank):
                break
            rejected.add(arm)
        assert rejected == set(np.flatnonzero(holm(p) <= 0.05))


# Of G*Power 3.1, two-sided paired t, 5%, 80%.
@pytest.mark.parametrize(
    ("effect", "seeds"), [(2.0, 5), (1.0, 10), (0.8, 15), (0.5, 34), (0.2, 199)]
)
def test_seeds_needed_are_those_of_published_tables(effect, seeds):
    assert seeds_needed(effect) == seeds_needed(-effect) == seeds
    assert seeds_needed(effect, alpha=0.01) > seeds


def test_power_is_how_often_the_difference_is_found():
    rng, seeds = np.random.default_rng(6), seeds_needed(0.7)
    assert seeds is not None
    p = paired(rng.normal(0.7, 1, (20_000, seeds)), np.zeros((20_000, seeds))).p
    found = (p <= 0.05).sum()
    least, most = binomial(power(0.7, seeds), 20_000)
    assert least <= found <= most
    assert power(0.7, seeds - 1) < 0.8 <= power(0.7, seeds)


@pytest.mark.parametrize("effect", [0.0, float("nan"), float("inf"), 1e-6])
def test_no_number_of_seeds_where_there_is_none(effect):
    assert seeds_needed(effect) is None


def test_one_seed_has_a_difference_and_no_interval():
    found = by_seed({3: 0.9}, {3: 0.8})
    assert (found.how, found.seeds) == ("none", 1)
    assert found.mean == pytest.approx(0.1)
    assert np.isnan([found.low, found.high, found.p, found.effect]).all()


def test_the_same_difference_in_each_seed_is_not_judged():
    values = {0: 0.9, 1: 0.7, 2: 0.5}
    for shift in (0.0, 0.1):
        found = by_seed({s: v + shift for s, v in values.items()}, values)
        assert found.mean == pytest.approx(shift)
        assert np.isnan([found.low, found.high, found.p, found.effect]).all()


@pytest.mark.parametrize(
    ("values", "baseline", "how", "seeds"),
    [
        ({0: 1.0, 1: 2.0, 2: 4.0}, {2: 1.0, 1: 1.5, 0: 0.0}, "paired", 3),
        ({0: 1.0, 1: 2.0, 2: np.nan}, {0: 1.0, 1: 2.5, 2: 4.0}, "paired", 2),
        ({0: 1.0, 1: 2.0}, {2: 1.0, 3: 2.5, 4: 4.0}, "Welch", 2),
        ({0: 1.0, 1: 2.0, 7: 3.0}, {1: 1.0, 3: 2.5, 4: 4.0}, "Welch", 3),
        (dict.fromkeys(range(9), 1.0), {0: 1.0, 1: 2.5}, "Welch", 2),
        ({0: 1.0}, {0: 1.0, 1: 2.5}, "none", 1),
        ({0: np.nan}, {0: 1.0}, "none", 0),
    ],
)
def test_seeds_decide_how_arms_are_compared(values, baseline, how, seeds):
    found = by_seed(values, baseline)
    assert (found.how, found.seeds) == (how, seeds)
    assert np.isnan(found.mean) == (seeds == 0)


def test_pairs_are_of_one_seed_whatever_the_order():
    values = {4: 1.0, 0: 3.0, 2: 2.0}
    baseline = {0: 2.5, 2: 1.6, 4: 0.7}
    theirs = stats.ttest_rel([3.0, 2.0, 1.0], [2.5, 1.6, 0.7])
    assert by_seed(values, baseline).p == pytest.approx(theirs.pvalue, abs=1e-10)


def test_a_seed_that_one_arm_lacks_is_in_no_pair():
    values, baseline = {0: 9.0, 1: 3.0, 2: 2.0}, {1: 2.5, 2: 1.6, 3: 7.0}
    found = by_seed(values, baseline)
    assert (found.how, found.mean) == ("paired", pytest.approx(0.45))


def test_within_a_margin():
    """The interval of five differences of 0.9 to 1.1 is 0.9 to 1.1, about."""

    def found(shift: float, seeds: int = 5):
        each = np.array([-0.08, 0.08, -0.08, 0.08, 0.0])[:seeds] + shift
        baseline = {seed: 2.0 * seed for seed in range(seeds)}
        return by_seed({s: baseline[s] + each[s] for s in range(seeds)}, baseline)

    cases = {1.0: (False, True), -1.0: (False, True), 0.0: (True, True)}
    for shift, sides in cases.items():
        assert (within(found(shift), 0.5), within(found(shift), 1.5)) == sides
        assert within(found(shift), abs(shift) or 0.05) is None
    # The same difference everywhere has no interval; one seed says nothing.
    same = by_seed({0: 1.5, 1: 2.5}, {0: 1.0, 1: 2.0})
    assert np.isnan(same.low)
    assert (within(same, 1.0), within(same, 0.25)) == (True, False)
    assert within(found(0.0, seeds=1), 1.0) is None
    with pytest.raises(ValueError, match=r"margin=-1\.0"):
        within(same, -1.0)


def test_as_many_arms_are_called_the_same_as_the_level_allows():
    """Of arms that lie on the margin one in forty has its interval inside."""
    values, baseline = planted(9, 4000, 1, 5, effect=0.5)
    arms = zip(values[:, 0], baseline[:, 0], strict=True)
    pairs = (by_seed(dict(enumerate(a)), dict(enumerate(b))) for a, b in arms)
    told = [within(pair, 0.5) for pair in pairs]
    low, high = binomial(0.025, len(told))
    assert told.count(True) <= high
    assert low <= told.count(False) <= high
