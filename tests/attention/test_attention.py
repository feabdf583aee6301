"""Every implementation that a CPU runs, against float64."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.attention import IMPLEMENTATIONS, attention
from tests.attention.cases import CASES, CROSS, IDS, RUN_HERE, SMALL, arrays, results
from tests.attention.reference import attend, gradients


# The others run in `make slow`. Lengths become ids before anyone sees them.
FIRST = ("whole", "segments causal", "other keys, segments")
LENGTHS = ("lengths causal", "other keys, lengths")
RUNS = [
    pytest.param(
        name,
        case,
        marks=[pytest.mark.rest] * (case not in FIRST + LENGTHS * (name == "dense")),
    )
    for name in RUN_HERE
    for case in CASES
    if IMPLEMENTATIONS.abilities[name].cross or case not in CROSS
]


@pytest.mark.parametrize(("name", "case"), RUNS)
def test_agrees_with_float64(name: str, case: str):
    options, ids, key_ids, keys = CASES[case]
    *qkv, g = arrays(keys)
    kept = {k: v for k, v in options.items() if k in ("causal", "scale")}
    expected = attend(qkv, ids, key_ids, **kept)
    found = results(qkv, g, implementation=SMALL.get(name, name), **options)
    wanted = (expected, *gradients(qkv, g, ids, key_ids, **kept))
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == jnp.float32
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert_empty_is_zero(found, ids, key_ids)


def assert_empty_is_zero(
    found: tuple[Any, ...], ids: np.ndarray | None, key_ids: np.ndarray | None
):
    """Exactly, the output and all gradients."""
    if ids is None:
        return
    out, dq, dk, dv = found
    seen = (ids[:, :, None] == (ids if key_ids is None else key_ids)[:, None]).any(-1)
    nothing = ~seen | (ids == 0)
    assert nothing.any()
    key_ids = ids if key_ids is None else key_ids
    for a, where in (
        (out, nothing),
        (dq, nothing),
        (dk, key_ids == 0),
        (dv, key_ids == 0),
    ):
        assert not np.asarray(a)[where].any()


@pytest.mark.parametrize("name", RUN_HERE)
def test_segments_never_touch(name: str):
    """Exact zeros in the Jacobian, and not a bit of the output changes."""
    *qkv, g = arrays()
    options = {"segment_ids": IDS, "implementation": SMALL.get(name, name)}
    out, *_ = results(qkv, g, **options)
    for segment in (1, 2, 3, 5):
        own = jnp.asarray(IDS == segment)[:, :, None, None]
        _, *pulled = results(qkv, jnp.where(own, g, 0), **options)
        for dx in pulled:
            assert not np.asarray(dx)[IDS != segment].any()
        assert np.asarray(pulled[-1])[IDS == segment].all()
        others = [jnp.where(own, x, 100 * x + 1) for x in qkv]
        changed, *_ = results(others, g, **options)
        np.testing.assert_array_equal(
            np.asarray(changed)[IDS == segment], np.asarray(out)[IDS == segment]
        )


@pytest.mark.parametrize("name", RUN_HERE)
def test_jit_vmap_and_eager_agree(name: str):
    q, k, v, g = arrays()
    name = SMALL.get(name, name)
    jitted, *_ = results((q, k, v), g, segment_ids=IDS, implementation=name)

    def one(q: Any, k: Any, v: Any, ids: Any) -> Any:
        return attention(q, k, v, segment_ids=ids, implementation=name)

    mapped = jax.jit(jax.vmap(one))  # which leaves no batch axis
    for found in (mapped(q, k, v, IDS), one(q, k, v, IDS)):
        np.testing.assert_allclose(found, jitted, atol=1e-6)


@pytest.mark.parametrize("name", RUN_HERE)
def test_bfloat16_scores_are_not_rounded(name: str):
    """256 and 257 are the same in bfloat16, and e apart as scores."""
    ones = jnp.ones((1, 2, 1, 16), jnp.bfloat16)
    key = (16 * ones).at[0, 1, 0, 0].set(17)
    value = ones.at[0, 0].set(0)
    out = attention(ones, key, value, scale=1.0, implementation=name)
    expected = np.exp(1) / (1 + np.exp(1))
    np.testing.assert_allclose(np.asarray(out, np.float32), expected, atol=0.005)


@pytest.mark.parametrize("name", ["dense", "chunked"])
def test_bfloat16_adds_up_in_float32(name: str):
    """A mean of many ones is 1; added up in bfloat16 it would stop below."""
    q = jnp.zeros((1, 1024, 1, 16), jnp.bfloat16)
    out, dq, _, dv = results((q, q, q + 1), q + 1, implementation=name)
    assert out.dtype == dq.dtype == dv.dtype == jnp.bfloat16
    for ones in (out, dv):
        np.testing.assert_allclose(np.asarray(ones, np.float32), 1, atol=0.01)


@pytest.mark.parametrize("name", RUN_HERE)
def test_bfloat16_is_near_float64(name: str):
    *qkv, g = arrays(dtype=jnp.bfloat16)
    found = results(qkv, g, segment_ids=IDS, implementation=SMALL.get(name, name))
    wanted = attend(qkv, IDS), *gradients(qkv, g, IDS)
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == jnp.bfloat16
        np.testing.assert_allclose(np.asarray(a, np.float64), b, atol=0.05)


@pytest.mark.parametrize("name", ["dense", "chunked(chunk=3)"])
def test_float64_stays(name: str):
    with jax.enable_x64(True):
        *qkv, g = arrays(dtype=np.float64)
        found = results(qkv, g, segment_ids=IDS, implementation=name)
        wanted = attend(qkv, IDS), *gradients(qkv, g, IDS)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("name", ["dense", "chunked"])
def test_scores_beyond_what_exp_can_hold(name: str):
    """The largest score is taken off first, of the block that has it."""
    *qkv, g = arrays()
    qkv[0] = qkv[0] * 200
    found = results(qkv, g, segment_ids=IDS, implementation=SMALL.get(name, name))
    for a, b in zip(found, (attend(qkv, IDS), *gradients(qkv, g, IDS)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_a_function_of_your_own():
    """It need not know of empty slots."""

    def mean(inputs: Any) -> Any:
        assert inputs.query_ids.shape == (3, 7)
        return jnp.broadcast_to(
            inputs.value.mean((1, 2), keepdims=True), inputs.query.shape
        )

    *qkv, _ = arrays()
    out = np.asarray(attention(*qkv, segment_ids=IDS, implementation=mean))
    assert not out[IDS == 0].any()
    expected = np.asarray(qkv[2])[0].mean((0, 1))
    np.testing.assert_allclose(out[0, 0, 0], expected, rtol=1e-5)


def test_no_slots():
    q = jnp.zeros((2, 0, 4, 8))
    assert attention(q, q, q).shape == q.shape
    k = jnp.zeros((2, 3, 2, 8))
    assert not attention(k, q[:, :, :2], q[:, :, :2]).any()
