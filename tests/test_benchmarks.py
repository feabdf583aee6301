"""What the benchmarks count: repeatable, so that it can be held to."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.regularizers import lorth
from tests.studies import BENCHMARKS, load


pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="no benchmarks/")


def part(script: str) -> Any:
    return load("", script, BENCHMARKS)


def test_the_peer_computes_the_same_number():
    programs = part("programs")
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 5)).astype(np.float32)
    wide = jnp.asarray(kernel[..., :3])
    np.testing.assert_allclose(programs.convolution_form(wide), lorth(wide), rtol=1e-5)
    # Where it is high the published form counts M - C too many.
    np.testing.assert_allclose(
        programs.convolution_form(jnp.asarray(kernel)), lorth(kernel) + 1, rtol=1e-5
    )


@pytest.mark.parametrize(("form", "most"), [("circular", 0.6), ("zero", 0.8)])
def test_lorth_counts_less_than_the_convolution_form(form: str, most: float):
    """Products of real numbers in value and gradient; of half the frequencies."""
    rounds, programs = part("rounds"), part("programs")
    ours = rounds.flops(programs.one_kernel(form, 64))
    theirs = rounds.flops(programs.one_kernel("convolution form", 64))
    # 81 pairs of taps meet, and the gradient is two convolutions more.
    assert theirs == pytest.approx(3 * 2 * 81 * 64**3, rel=0.01)
    assert ours < most * theirs


def test_complex_products_count_as_four():
    x = jnp.ones((3, 4, 5), jnp.complex64)
    counted = part("rounds").flops((jax.jit(lambda x: x @ x.mT), (x,)))
    assert counted == pytest.approx(3 * 8 * 4 * 4 * 5, rel=0.01)


def test_the_interval_holds_the_middle_of_95_in_100():
    interval = part("rounds").interval
    draws = np.random.default_rng(0).normal(size=(2000, 15))
    found = np.array([interval(row) for row in draws])
    middle, low, high = found.T
    assert np.all((low <= middle) & (middle <= high))
    assert 0.95 <= np.mean((low <= 0) & (high >= 0)) < 0.98
