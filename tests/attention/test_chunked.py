"""What "chunked" leaves out, and what it does not hold."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.attention import attention
from jaxpad.attention.chunks import bounds, in_chunks
from tests.attention.cases import IDS, arrays, results
from tests.attention.reference import gradients


def limits(ids: Any, key_ids: Any = None, *, size: int = 2, causal: bool = False):
    queries, keys = (
        in_chunks(a, a, size) for a in map(jnp.asarray, (ids, key_ids or ids))
    )
    return jax.jit(bounds, static_argnums=2)(queries, keys, causal).tolist()


def test_chunks_that_have_nothing_in_common_are_left_out():
    assert limits([[1, 1, 1, 2, 3, 3, 0, 0]]) == [[0, 2], [0, 2], [2, 3], [0, 0]]
    # What one row sees, all rows go through.
    assert limits([[1, 1, 2, 2], [1, 1, 1, 1]]) == [[0, 2], [0, 2]]
    assert limits([[1, 1, 1, 1]], causal=True) == [[0, 1], [0, 2]]
    assert limits([[4, 4, 5, 5]], [[5, 0, 9, 9, 4, 0]]) == [[2, 3], [0, 1]]


@pytest.mark.parametrize("causal", [False, True])
def test_bounds_leave_nothing_out(causal: bool):
    draw = np.random.default_rng(0)
    for _ in range(20):
        ids, key_ids = draw.integers(0, 4, (2, 3, 12))
        if causal:
            key_ids = ids
        found = limits(ids.tolist(), key_ids.tolist(), size=3, causal=causal)
        seen = (ids[:, :, None] == key_ids[:, None]) & (ids > 0)[:, :, None]
        if causal:
            seen &= np.tri(12, dtype=bool)
        for (start, end), of_chunk in zip(found, np.split(seen, 4, 1), strict=True):
            slots = np.nonzero(of_chunk.any((0, 1)))[0]
            assert all(start * 3 <= slot < end * 3 for slot in slots)


def test_what_is_left_out_is_not_computed():
    """A number that is none spoils what it is multiplied with, even by 0."""
    *qkv, g = arrays()
    ids = np.repeat(np.array([[1, 1, 1, 2, 2, 2, 2]], np.int32), 3, 0)
    spoiled = [x.at[:, 3:].set(jnp.nan) for x in qkv]
    options = {"segment_ids": ids, "implementation": "chunked(chunk=3)"}
    expected, found = results(qkv, g, **options), results(spoiled, g, **options)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a[:, :3], b[:, :3])
        assert np.isnan(a[:, 3:]).all()


def temporary(length: int, implementation: str) -> int:
    """Bytes of a forward and backward pass besides arguments and results."""
    x = jax.ShapeDtypeStruct((1, length, 2, 8), jnp.float32)
    ids = jax.ShapeDtypeStruct((1, length), jnp.int32)

    def step(q: Any, k: Any, v: Any, ids: Any) -> Any:
        call = functools.partial(
            attention, segment_ids=ids, implementation=implementation
        )
        out, pull = jax.vjp(call, q, k, v)
        return out, pull(out)

    program = jax.jit(step).lower(x, x, x, ids).compile()
    memory = program.memory_analysis()
    assert memory is not None
    return memory.temp_size_in_bytes


def test_scores_are_not_held():
    """Twice the length is twice the memory; of "dense", four times."""
    small, large = (temporary(n, "chunked(chunk=64)") for n in (1024, 2048))
    assert large < 2.1 * small
    scores = 2 * 2048 * 2048 * 4
    assert large < scores / 8
    assert temporary(2048, "dense") > scores


def test_second_derivatives_forward_over_reverse():
    *qkv, _ = arrays(head_dim=4)
    tangent = qkv[0][::-1]

    def gradient(implementation: str, q: Any) -> Any:
        def loss(q: Any) -> Any:
            out = attention(q, *qkv[1:], segment_ids=IDS, implementation=implementation)
            return (out**2).sum()

        return jax.grad(loss)(q)

    @functools.partial(jax.jit, static_argnums=0)
    def second(name: str, q: Any) -> Any:
        return jax.jvp(functools.partial(gradient, name), (q,), (tangent,))[1]

    found, expected = (second(name, qkv[0]) for name in ("chunked(chunk=3)", "dense"))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_chunk_of_no_slots():
    *qkv, _ = arrays()
    with pytest.raises(ValueError, match="chunk=0: expected at least 1"):
        attention(*qkv, implementation="chunked(chunk=0)")


def test_chunks_of_every_size_agree():
    *qkv, g = arrays()
    wanted = gradients(qkv, g, IDS)
    for chunk in (1, 2, 8):
        options = {"segment_ids": IDS, "implementation": f"chunked(chunk={chunk})"}
        for a, b in zip(results(qkv, g, **options)[1:], wanted, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
