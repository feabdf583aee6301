"""Laws of reweighting, over every entry of REWEIGHTS, and the golden rows."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.arith import tap_counts
from jaxpad.padding import REWEIGHTS, apply_reweight, reweight_ratio
from tests.oracles import count_taps, ratio


every_reweight = pytest.mark.parametrize("name", REWEIGHTS)

# Row 0 of the ratio that NVIDIA's layer gives: k, padding, stride, dilation, n.
GOLDEN = {
    (3, 1, 1, 1, 8): [2.25, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 2.25],
    (3, 1, 2, 1, 8): [2.25, 1.5, 1.5, 1.5],
    (3, 1, 2, 1, 7): [2.25, 1.5, 1.5, 2.25],
    (7, 3, 2, 1, 16): [3.0625, 2.0417, 1.75, 1.75, 1.75, 1.75, 1.75, 2.45],
    (3, 2, 1, 2, 8): [2.25, 2.25, 1.5, 1.5, 1.5, 1.5, 2.25, 2.25],
    (2, 1, 1, 1, 6): [4, 2, 2, 2, 2, 2, 4],
    (3, 3, 1, 1, 6): [0] * 10,
}


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_rows(case: tuple[int, int, int, int, int]):
    k, p, s, d, n = case
    counts = tap_counts(n, k, s, p, d)
    found = reweight_ratio([counts, counts], (k, k), "partial")
    np.testing.assert_allclose(found[0], GOLDEN[case], rtol=1e-4)
    np.testing.assert_array_equal(found, found.T)


@every_reweight
def test_one_inside_and_zero_outside(name: str):
    found = reweight_ratio([[0, 1, 3], [3, 3]], (3, 3), name)
    np.testing.assert_array_equal(found[0], 0)
    np.testing.assert_array_equal(found[2], 1)


@every_reweight
def test_more_missing_weighs_no_less(name: str):
    found = reweight_ratio([range(1, 10)], (9,), name)
    assert np.all(np.diff(found) <= 0)


CASES = [
    ((6, 7), (3, 2), (1, 2), (2, 1), [(1, 2), (0, 3)]),
    ((5,), (4,), (3,), (2,), [(6, 7)]),
    ((4, 5, 3), (2, 3, 1), (2, 1, 1), (1, 2, 1), [(1, 1), (4, 0), (2, 0)]),
]


@pytest.mark.parametrize(("space", "window", "stride", "dilation", "widths"), CASES)
@pytest.mark.parametrize("absent", [True, False])
def test_counts_equal_a_convolution_of_ones(
    space: tuple, window: tuple, stride: tuple, dilation: tuple, widths: list, absent
):
    missing = (absent, *[True] * (len(space) - 1))
    counts = [
        tap_counts(i, k, s, w, d, absent=(m, m))
        for i, k, s, w, d, m in zip(
            space, window, stride, widths, dilation, missing, strict=True
        )
    ]
    expected = count_taps(space, window, stride, dilation, widths, missing)
    size = int(np.prod(window))
    found = reweight_ratio(counts, window, "partial")
    np.testing.assert_allclose(found, ratio(expected, size), rtol=1e-12)
    found = reweight_ratio(counts, window, "partial_sqrt")
    np.testing.assert_allclose(found, ratio(expected, size, 0.5), rtol=1e-12)


def test_your_own_reweight_sees_the_count_and_the_window():
    found = reweight_ratio([[0, 1, 2], [1, 2]], (2, 2), lambda c, w: 10 * c + w)
    np.testing.assert_array_equal(found, [[0, 0], [14, 24], [24, 44]])


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
def test_apply_is_ratio_then_bias_then_zero(with_bias: bool, batch: int):
    y = np.ones((batch, 2, 3, 2), np.float32)
    factor = np.array([[0, 2, 1], [1.5, 1, 0]])
    bias = jnp.array([10.0, 20.0]) if with_bias else None
    got = jax.jit(lambda y: apply_reweight(y, factor, bias))(y)
    for o, c in itertools.product(np.ndindex(2, 3), range(2)):
        added = 0 if bias is None or factor[o] == 0 else float(bias[c])
        np.testing.assert_array_equal(got[:, *o, c], factor[o] + added)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_apply_is_near_in_half_precision(dtype: Any):
    draw = np.random.default_rng(0)
    y = jnp.asarray(draw.random((2, 5, 4, 3)), dtype)
    bias = jnp.asarray(draw.random(3), dtype)
    factor = 81 / draw.integers(20, 81, (5, 4))
    got = np.asarray(apply_reweight(y, factor, bias), np.float64)
    exact = np.asarray(y, np.float64) * factor[..., None] + np.asarray(bias, np.float64)
    # Rounded as without a ratio: the sum of the window, and that with the bias.
    np.testing.assert_allclose(got, exact, rtol=1.01 * float(jnp.finfo(dtype).eps))


def test_the_unit_ratio_is_free():
    program = jax.make_jaxpr(lambda y: apply_reweight(y, np.ones((2, 2)), None))
    assert program(jnp.ones((1, 2, 2, 3))).jaxpr.eqns == []
