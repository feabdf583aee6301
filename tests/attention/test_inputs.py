"""Errors say what came, what was expected and what to type."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.attention import attention


def x(*shape: int, dtype: Any = jnp.float32) -> Any:
    return jnp.zeros(shape, dtype)


Q, K = x(2, 6, 4, 8), x(2, 5, 2, 8)
IDS = np.ones((2, 6), np.int32)


@pytest.mark.parametrize(
    ("q", "k", "v", "text"),
    [
        (x(6, 8), x(6, 8), x(6, 8), r"query\[..., None, :\]"),
        (Q, K[0], K[0], "with the same batch axes"),
        (Q, K, K[:, :4], "value .*expected the same"),
        (Q, K[:1], K[:1], "the same batch axes and head_dim"),
        (Q, K[..., :4], K[..., :4], "the same batch axes and head_dim"),
        (Q, x(2, 5, 3, 8), x(2, 5, 3, 8), "4 heads and key 3"),
        (Q, x(2, 5, 0, 8), x(2, 5, 0, 8), "4 heads and key 0"),
    ],
)
def test_shapes(q: Any, k: Any, v: Any, text: str):
    with pytest.raises(ValueError, match=text):
        unchecked(q, k, v)


def unchecked(*args: Any, **options: Any) -> Any:
    """Without the type checks that the tests put in front of it."""
    return getattr(attention, "__wrapped__", attention)(*args, **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"segment_ids": IDS, "lengths": [1, 2]}, "Leave lengths away"),
        ({"kv_segment_ids": IDS}, r"segment_ids=jnp.ones\(\(2, 6\), int\)"),
        ({"segment_ids": IDS[:, 1:]}, r"integers of shape \(2, 6\)"),
        ({"segment_ids": IDS * 1.0}, "segment_ids is float"),
        ({"segment_ids": -IDS}, r"from -1 to -1.*jnp.clip\(segment_ids, 0, None\)"),
        (
            {"lengths": [6, 7]},
            r"from 6 to 7: expected 0 to 6.*jnp.clip\(lengths, 0, 6\)",
        ),
        ({"lengths": [1]}, r"lengths is int.* of shape \(1,\).*shape \(2,\)"),
        ({"scale": "big"}, "a number that is known while tracing"),
    ],
)
def test_ids_lengths_and_scale(options: dict[str, Any], text: str):
    options = {k: np.asarray(v) if k == "lengths" else v for k, v in options.items()}
    with pytest.raises((ValueError, TypeError), match=text):
        unchecked(Q, Q[:, :, :2], Q[:, :, :2], **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"segment_ids": IDS}, r"give kv_segment_ids of shape \(2, 5\)"),
        ({"lengths": np.array([1, 2])}, r"give kv_lengths of shape \(2,\)"),
        ({"causal": True}, "5 keys, 6 queries.*Type causal=False"),
    ],
)
def test_other_keys(options: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text):
        attention(Q, K, K, **options)


def test_causal_with_ids_of_their_own():
    """Which key is later than a query is not said where they are other slots."""
    with pytest.raises(ValueError, match="own ids or lengths"):
        attention(Q, Q, Q, segment_ids=IDS, kv_segment_ids=IDS, causal=True)


def test_dtypes():
    with pytest.raises(TypeError, match=r"query is float32, key bfloat16.*astype"):
        attention(Q, K.astype(jnp.bfloat16), K)
    with pytest.raises(TypeError, match="expected one floating-point dtype"):
        unchecked(Q.astype(int), K.astype(int), K.astype(int))


def test_a_scale_that_is_traced():
    with pytest.raises(TypeError, match="Multiply query by what is learned"):
        jax.jit(lambda s: unchecked(Q, Q, Q, scale=s))(0.5)


def test_ids_below_0_are_empty_under_jit():
    """There nobody can look at them."""
    draw = np.random.default_rng(0).normal(size=(1, 3, 1, 8))
    q = jnp.asarray(draw, jnp.float32)
    call = jax.jit(lambda q, ids: attention(q, q, q, segment_ids=ids))
    out = call(q, np.array([[-1, 1, -1]]))
    np.testing.assert_array_equal(out, call(q, np.array([[0, 1, 0]])))


def test_batch_axes():
    draw = np.random.default_rng(0).normal(size=(2, 3, 5, 2, 8))
    q = draw.astype(np.float32)
    ids = np.random.default_rng(1).integers(0, 3, (2, 3, 5))
    call = jax.jit(attention)
    out = call(q, q, q, segment_ids=ids)
    one = call(q[1, 2], q[1, 2], q[1, 2], segment_ids=ids[1, 2])
    np.testing.assert_allclose(out[1, 2], one, atol=1e-6)


def test_ids_may_be_constants_of_a_program():
    ones, ids = jnp.ones((1, 4, 1, 2)), jnp.array([[1, 1, 2, 0]])
    found = jax.jit(lambda x: attention(x, x, x, segment_ids=ids))(ones)
    np.testing.assert_array_equal(found, ones.at[0, 3].set(0))
