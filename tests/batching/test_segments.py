"""Norms, recurrences and pools of rows are those of each sequence alone."""

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.batching import (
    pack_sequences,
    ragged,
    segment_norm,
    segment_pool,
    segment_scan,
    sum_per_sequence,
    to_cells,
)
from tests.batching.ragged_cases import LAYOUTS, batch_of, one_by_one, sequences


SCALE, BIAS = np.arange(1, 5, dtype=np.float32), np.arange(4, dtype=np.float32)
WEIGHT = np.random.default_rng(2).normal(size=(4, 4)).astype(np.float32)


def norm_alone(x: np.ndarray, groups: int) -> np.ndarray:
    x = x.astype(np.float64).reshape(len(x), groups, -1)
    mean, var = x.mean((0, 2), keepdims=True), x.var((0, 2), keepdims=True)
    return ((x - mean) / np.sqrt(var + 1e-6)).reshape(len(x), -1) * SCALE + BIAS


def scan_alone(x: np.ndarray) -> np.ndarray:
    h, out = np.ones(4), []
    for row in x.astype(np.float64):
        h = np.tanh(h @ WEIGHT + row)
        out.append(h)
    return np.array(out)


def step(h: Any, x: Any) -> Any:
    h = jnp.tanh(h @ WEIGHT + x)
    return h, h


def assert_equal(found: Any, batch: Any, wanted: list[np.ndarray]):
    assert not np.asarray(found.values)[~np.asarray(batch.real)].any()
    for a, b in zip(one_by_one(found), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_norm(layout: str):
    arrays = sequences()
    batch = LAYOUTS[layout](batch_of(arrays))
    for groups in (1, 2, 4):
        norm = functools.partial(segment_norm, groups=groups, scale=SCALE, bias=BIAS)
        wanted = [norm_alone(a, groups) for a in arrays]
        assert_equal(jax.jit(norm)(batch), batch, wanted)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_recurrence(layout: str):
    arrays = sequences()
    batch = LAYOUTS[layout](batch_of(arrays))
    scan = functools.partial(segment_scan, step, jnp.ones(4))
    forward = jax.jit(scan)(batch)
    assert_equal(forward, batch, [scan_alone(a) for a in arrays])
    back = jax.jit(functools.partial(scan, reverse=True))(batch)
    assert_equal(back, batch, [scan_alone(a[::-1])[::-1] for a in arrays])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pools(layout: str):
    arrays = sequences()
    batch = LAYOUTS[layout](batch_of(arrays))
    alone = {
        "mean": lambda a: a.mean(0),
        "max": lambda a: a.max(0),
        "last": lambda a: a[-1],
    }
    for how, pool in alone.items():
        found = segment_pool(batch, how)
        np.testing.assert_allclose(found, [pool(a) for a in arrays], rtol=1e-6)


def test_the_gradient_of_a_maximum_is_shared():
    batch = pack_sequences([[1.0, 4.0, 4.0], [-2.0, -3.0]], 6)
    grad = jax.grad(lambda x: segment_pool(batch.replace(x), "max").sum())
    assert grad(batch.values).tolist() == [[0, 0.5, 0.5, 1, 0, 0]]


def test_numbers_of_sequences_that_are_not_there():
    batch = pack_sequences([[1.0, 4.0], [5.0]], 4)
    more = ragged(batch.values, batch.segment_ids, sequences=4)
    for how in ("mean", "max", "last"):
        assert segment_pool(more, how)[2:].tolist() == [0, 0]
    assert sum_per_sequence(more.values, more).tolist() == [5, 5, 0, 0]
    assert to_cells(jnp.arange(1, 5), more)[0].tolist() == [1, 1, 2, 0]


def test_garbage_in_empty_cells_reaches_no_gradient():
    batch = batch_of(sequences())
    bad = batch.replace(jnp.where(batch.real[..., None], batch.values, jnp.nan))

    def loss(x: Any) -> Any:
        y = segment_scan(step, jnp.ones(4), segment_norm(bad.replace(x)))
        return sum(segment_pool(y, how).sum() for how in ("mean", "max", "last"))

    grads = np.asarray(jax.jit(jax.grad(loss))(bad.values))
    assert np.isfinite(grads).all()
    assert grads[np.asarray(batch.real)].any()


BATCH = pack_sequences([[[1.0], [2.0]], [[3.0]]], 4)
REFUSED = [
    (lambda: segment_pool(BATCH, "first"), "how='first': expected one of ['mean'"),
    (lambda: segment_norm(BATCH, groups=2), "groups=2 must divide the 1 features"),
    (lambda: segment_norm(BATCH, scale=SCALE), "scale has shape (4,): expected (1,)"),
    (lambda: segment_norm(pack_sequences([[1, 2]], 4)), "values are int32 of shape"),
]


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_refused(call: Any, text: str):
    with pytest.raises(ValueError, match=re.escape(text)):
        call()


def test_pools_take_no_whole_numbers():
    with pytest.raises(TypeError, match="segment_pool: values are int32"):
        segment_pool(pack_sequences([[1, 2]], 4), "mean")
