"""What the benchmarks count: repeatable, so that it can be held to."""

import functools
import sys
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


@pytest.fixture
def attends(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark of attention, on little."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    script = part("attention")
    sys.modules.pop("rounds", None)
    monkeypatch.setattr(script, "TOKENS", 32)
    monkeypatch.setattr(script, "HEAD_DIM", 8)
    return script


@pytest.mark.parametrize("segments", [1, 3])
def test_those_that_are_timed_attend_alike(attends: Any, segments: int):
    arguments = attends.arguments_of(
        case := attends.case_of(16, segments), 16, segments
    )
    ids = arguments[-1]
    assert (ids is None) == (segments == 1)
    if ids is not None:
        assert np.array_equal(np.unique(ids, axis=1)[:, -1], [3, 3])
        assert np.isin(np.diff(ids), (0, 1)).all()
    assert attends.native(case)[0] == ["dense", "chunked"]
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        expected = jax.jit(attends.gradient_of(attends.of_jax))(*arguments)
    for name in attends.native(case)[0]:
        attend = functools.partial(attends.of_jaxpad, name)
        found = jax.jit(attends.gradient_of(attend))(*arguments)
        for got, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-5)


def test_who_is_timed_is_what_the_table_says(attends: Any):
    case = attends.case_of(16, 3)
    able, others = attends.native(case)
    assert set(able) | set(others) == set(attends.IMPLEMENTATIONS.abilities)
    assert "it runs on gpu, not cpu" in others["triton"]
    on_gpu = case._replace(backend="gpu", dtype="bfloat16", head_dim=64)
    assert attends.native(on_gpu)[0] == ["dense", "chunked", "triton"]
    whole = on_gpu._replace(layout="whole")
    assert "cudnn" in attends.native(whole)[0]
    assert attends.native(on_gpu)[1]["cudnn"] == ["it takes no segment_ids"]
