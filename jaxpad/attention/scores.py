"""What "dense" and "chunked" compute of a block of queries and a block of keys."""

import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from ..padding import sum_dtype
from ..typing import Array


# The score of a key that is not seen. Finite: infinities less each other are no number.
NOTHING = -1e30

Query = Float[Array, "batch queries kv_heads group head_dim"]
Keys = Float[Array, "batch keys kv_heads head_dim"]
Scores = Float[Array, "batch kv_heads group queries keys"]


def grouped(query: Array, kv_heads: int) -> Query:
    """Queries with the heads that share a key head on an axis of their own."""
    *batch, heads, head_dim = query.shape
    return query.reshape(*batch, kv_heads, heads // kv_heads, head_dim)


def product(spec: str, a: Array, b: Array) -> Array:
    """An einsum whose sums are in float32 at least."""
    return jnp.einsum(spec, a, b, preferred_element_type=sum_dtype(a.dtype))


def scores(query: Query, key: Keys, scale: float) -> Scores:
    """`scale q . k` of every pair."""
    return scale * product("bqkgd,bskd->bkgqs", query, key)


def seen(
    query_ids: Int[Array, "batch queries"] | None,
    key_ids: Int[Array, "batch keys"] | None,
    slots: tuple[Int[Array, " queries"], Int[Array, " keys"]] | None,
) -> Bool[Array, "#batch 1 1 queries keys"] | None:
    """Which keys a query sees: of its segment and, given slots, not after its own."""
    found = None
    if query_ids is not None and key_ids is not None:
        same = query_ids[:, :, None] == key_ids[:, None]
        found = same & (query_ids > 0)[:, :, None]
    if slots is not None:
        before = slots[0][None, :, None] >= slots[1][None, None]
        found = before if found is None else found & before
    return None if found is None else found[:, None, None]
