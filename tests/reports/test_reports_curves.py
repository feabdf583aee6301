"""The arithmetic of the strokes."""

import numpy as np
import pytest

from jaxpad.reports import strokes


@pytest.mark.parametrize("window", [1, 3, 7])
def test_smooth_is_the_mean_of_the_window_that_is_there(window):
    value = np.random.default_rng(0).normal(size=7)
    half = window // 2
    expected = [value[max(i - half, 0) : i + half + 1].mean() for i in range(7)]
    np.testing.assert_allclose(strokes.smooth(value, window), expected, rtol=1e-12)


def test_one_huge_value_does_not_spoil_later_means():
    value = np.ones(50)
    value[10] = 1e30
    np.testing.assert_array_equal(strokes.smooth(value, 5)[20:], np.ones(30))


def test_thinning_keeps_spikes_and_order():
    value = np.sin(np.arange(10_001.0))
    value[5003], value[7001] = 50, -50
    curve = strokes.Curve(lambda axes, curve: None, "loss", np.arange(10_001.0), value)
    thinned = strokes.thin(curve, most=100)
    assert thinned.value.size <= 100
    assert (np.diff(thinned.epoch) > 0).all()
    assert (thinned.value.max(), thinned.value.min()) == (50, -50)
    np.testing.assert_array_equal(value[thinned.epoch.astype(int)], thinned.value)
