"""Rotary position embedding, against complex numbers in float64."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.attention import attention, rope as plain_rope


rope = jax.jit(plain_rope, static_argnames=("base", "interleaved"))


def draw(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def turned(x: Any, positions: Any, base: float, interleaved: bool) -> Any:
    """Each pair as a complex number, times another."""
    half = x.shape[-1] // 2
    x = x.astype(np.float64)
    pair = (
        (x[..., ::2], x[..., 1::2]) if interleaved else (x[..., :half], x[..., half:])
    )
    speeds = base ** (-2 * np.arange(half) / x.shape[-1])
    y = (pair[0] + 1j * pair[1]) * np.exp(1j * positions[..., None, None] * speeds)
    axis = -1 if interleaved else -2
    return np.stack([y.real, y.imag], axis).reshape(x.shape)


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("base", [10_000.0, 100.0])
def test_agrees_with_complex_numbers(interleaved: bool, base: float):
    x, positions = draw(2, 5, 3, 8), np.array([[0, 1, 2, 0, 1], [7, 0, 3, 100, 2]])
    found = rope(x, positions, base=base, interleaved=interleaved)
    expected = turned(x, positions, base, interleaved)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_products_depend_on_the_difference():
    q, k = draw(1, 1, 1, 8), draw(1, 1, 1, 8, seed=1)

    def score(i: int, j: int) -> float:
        at = (jnp.array([[n]]) for n in (i, j))
        return float((rope(q, next(at)) * rope(k, next(at))).sum())

    assert score(3, 1) == pytest.approx(score(9, 7), abs=1e-5)
    assert score(3, 1) != pytest.approx(score(1, 3), abs=1e-2)


def test_packed_sequences_are_those_alone():
    """With positions that begin anew, and even without: only differences count."""
    x = draw(1, 5, 2, 8)
    ids, positions = np.array([[1, 1, 2, 2, 2]]), np.array([[0, 1, 0, 1, 2]])

    @jax.jit
    def attend(x: Any, positions: Any, **options: Any) -> Any:
        q = rope(x, positions)
        return attention(q, q, x, causal=True, **options)

    packed = attend(x, positions, segment_ids=ids)
    alone = attend(x[:, 2:], positions[:, 2:])
    np.testing.assert_allclose(packed[:, 2:], alone, atol=1e-6)
    np.testing.assert_allclose(
        attend(x, np.arange(5)[None], segment_ids=ids), packed, atol=1e-5
    )


def test_bfloat16_positions_are_not_rounded():
    """In bfloat16, 1001 is 1000."""
    x = jnp.ones((1, 1, 1, 2), jnp.bfloat16)
    found = rope(x, jnp.array([[1001]]))
    assert found.dtype == jnp.bfloat16
    expected = turned(np.ones((1, 1, 1, 2)), np.array([[1001]]), 1.0, True)
    np.testing.assert_allclose(np.asarray(found, np.float32), expected, atol=0.01)


def test_gradient_turns_back():
    x, positions = jnp.asarray(draw(1, 4, 1, 6)), jnp.arange(4)[None]
    y, pull = jax.vjp(lambda x: rope(x, positions), x)
    (back,) = jax.jit(pull)(y)
    np.testing.assert_allclose(back, x, atol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match=r"head_dim=3 of x is odd.*x\[..., :2\]"):
        plain_rope(jnp.ones((1, 2, 1, 3)), jnp.zeros((1, 2), int))
    with pytest.raises(
        ValueError, match=r"jnp.broadcast_to\(positions, x.shape\[:-2\]"
    ):
        getattr(plain_rope, "__wrapped__", plain_rope)(
            jnp.ones((2, 3, 1, 4)), jnp.arange(3)
        )
