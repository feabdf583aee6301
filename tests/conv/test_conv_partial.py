"""Partial convolution: the mathematical claims, and the defects of other layers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad import Padding
from jaxpad.padding import REWEIGHTS
from tests import oracles
from tests.padding.test_partial import GOLDEN
from tests.subjects import MODE_SPECS, integers


every_reweight = pytest.mark.parametrize("name", REWEIGHTS)


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_rows(case: tuple[int, int, int, int, int]):
    """The ratio of the two layers' outputs on an image of random numbers."""
    k, p, s, d, n = case
    x, kernel = jnp.abs(integers((1, n, n, 2))) + 1, jnp.ones((k, k, 2, 1))
    zero, partial = (
        jaxpad.conv(x, kernel, stride=s, dilation=d, padding=padding, amount=p)
        for padding in ("zero", "partial")
    )
    found = partial[0, 0, :, 0] / jnp.maximum(zero[0, 0, :, 0], 1)
    np.testing.assert_allclose(found, GOLDEN[case], rtol=1e-4)


@every_reweight
def test_exactly_zero_padding_inside(name: str):
    x = jax.random.normal(jax.random.key(0), (2, 8, 9, 3))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 3, 4))
    bias = jnp.arange(4.0)
    zero, weighed = (
        jaxpad.conv(x, kernel, padding=padding, bias=bias)
        for padding in ("zero", Padding(reweight=name))
    )
    np.testing.assert_array_equal(zero[:, 1:-1, 1:-1], weighed[:, 1:-1, 1:-1])
    assert not np.any(zero[:, 0] == weighed[:, 0])


@every_reweight
def test_the_bias_is_outside_the_ratio(name: str):
    x, kernel = integers((1, 4, 5, 1)), integers((3, 3, 1, 2), seed=1)
    bias = jnp.array([100.0, -7.0])
    padding = Padding(reweight=name)
    without, with_bias = (
        jaxpad.conv(x, kernel, padding=padding, bias=b) for b in (None, bias)
    )
    expected = np.broadcast_to(bias, without.shape)
    np.testing.assert_allclose(with_bias - without, expected, atol=1e-4)


@every_reweight
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_a_window_that_sees_no_cell_gives_zero(name: str, dtype: Any):
    x, kernel = jnp.full((1, 6, 6, 4), 50, dtype), jnp.ones((3, 3, 4, 2), dtype)
    bias = jnp.full(2, 5, dtype)
    y = jaxpad.conv(x, kernel, padding=Padding(reweight=name), amount=3, bias=bias)
    assert y.dtype == dtype
    assert np.all(np.isfinite(np.asarray(y, np.float32)))
    ring = np.ones((10, 10), bool)
    ring[1:-1, 1:-1] = False
    np.testing.assert_array_equal(np.asarray(y[0] == 0).all(-1), ring)


@every_reweight
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_the_bias_comes_back_in_half_precision(name: str, dtype: Any, masked: bool):
    """Over a kernel of zeros, whatever the ratio."""
    x, kernel = jnp.ones((1, 20, 19, 1), dtype), jnp.zeros((9, 9, 1, 3), dtype)
    bias = jnp.array([60000.0, 1e-5, -0.3], dtype)
    mask = jnp.ones(x.shape, bool) if masked else None
    y = jaxpad.conv(x, kernel, padding=Padding(reweight=name), bias=bias, mask=mask)
    np.testing.assert_array_equal(y, np.broadcast_to(bias, y.shape), strict=True)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_a_ratio_beyond_the_range_of_the_image(dtype: Any):
    """A tap of 300 x 300: float16 ends at 65504."""
    x, kernel = jnp.ones((1, 2, 2, 1), dtype), jnp.full((300, 300, 1, 1), 0.5, dtype)
    bias = jnp.full(1, 8, dtype)
    y = jaxpad.conv(x, kernel, padding="partial", amount=299, bias=bias)
    corner, centre = 0.5 * 90000 + 8, 0.5 * 4 * 90000 / 4 + 8
    expected = np.asarray(jnp.array([corner, centre], dtype), np.float64)
    got = np.asarray(y, np.float64)
    np.testing.assert_array_equal(got[0, [0, 150], [0, 150], 0], expected)
    assert np.all(np.isfinite(got))


@pytest.mark.parametrize("mode", [m for m in MODE_SPECS if m != "zero"])
@every_reweight
def test_nothing_is_missing_under_the_other_modes(mode: str, name: str):
    """NVIDIA's layer multiplies by 2.25 in the corner of a torus."""
    x, kernel = integers((1, 7, 8, 2)), integers((3, 4, 2, 3), seed=1)
    padding = Padding(mode, reweight=name)
    got = jaxpad.conv(x, kernel, padding=padding, stride=2)
    expected = jaxpad.conv(x, kernel, padding=mode, stride=2)
    np.testing.assert_array_equal(got, expected)


def test_only_the_zero_axis_and_side_count_as_missing():
    x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    padding = Padding(("circular", ("replicate", "zero")), reweight="partial")
    ratio = jaxpad.conv(x, kernel, padding=padding) / jaxpad.conv(
        x, kernel, padding=("circular", ("replicate", "zero"))
    )
    np.testing.assert_allclose(ratio[0, ..., 0], [[1, 1, 1, 1.5]] * 4)


def test_no_state_between_calls():
    """NVIDIA's layer keeps the last ratio; here shapes may change from call to call."""
    kernel = integers((3, 3, 1, 1))
    for n in (6, 8, 6):
        x = integers((1, n, n, 1), seed=n)
        got = jaxpad.conv(x, kernel, padding="partial")
        space, ones = (n, n), (1, 1)
        count = oracles.count_taps(space, (3, 3), ones, ones, [(1, 1), (1, 1)])
        zeros = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
        y = oracles.correlate(zeros, kernel, ones, ones)
        np.testing.assert_allclose(got, y * (9 / count)[..., None], rtol=1e-6)


@pytest.mark.parametrize(
    "reweight",
    [
        lambda count, window: 1 + (window - count) / 2,
        lambda count, window: jnp.cbrt(window / count),
        REWEIGHTS["partial"],
    ],
)
def test_your_own_reweight(reweight: Any):
    x, kernel = integers((1, 5, 4, 2)), integers((2, 3, 2, 2), seed=1)
    arguments: dict[str, Any] = {"stride": (1, 2), "amount": 1}
    arguments["padding"] = Padding(reweight=reweight)
    got = jax.jit(lambda x: jaxpad.conv(x, kernel, **arguments))(x)
    arguments["padding"] = "zero"
    zero = jaxpad.conv(x, kernel, **arguments)
    counts = oracles.count_taps((5, 4), (2, 3), (1, 2), (1, 1), [(1, 1), (1, 1)])
    factor = np.where(counts > 0, reweight(np.maximum(counts, 1), 6), 0)[..., None]
    np.testing.assert_allclose(got, np.asarray(zero) * factor, rtol=1e-6, atol=1e-6)


@every_reweight
def test_a_constant_image_under_a_box_kernel_stays_constant(name: str):
    x, kernel = jnp.full((1, 6, 5, 1), 3.0), jnp.ones((3, 3, 1, 1))
    got = jaxpad.conv(x, kernel, padding=Padding(reweight=name))
    if name == "partial":
        np.testing.assert_allclose(got, np.full(got.shape, 27.0), rtol=1e-6)
    assert got[0, 2, 2, 0] == 27
