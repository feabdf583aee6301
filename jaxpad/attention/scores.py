"""What "dense" and "chunked" compute of a block of queries and a block of keys."""

import jax.numpy as jnp
from jaxtyping import Float, Int

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


def pairs(query: Query, key: Keys) -> Scores:
    """`q . k` of each query and each key of its heads."""
    # With axes in the result's order, else XLA turns all scores around and not these.
    return product("bkgqd,bskd->bkgqs", query.transpose(0, 2, 3, 1, 4), key)


def scores(
    query: Query,
    key: Keys,
    scale: float,
    ids: tuple[Int[Array, "batch queries"] | None, Int[Array, "batch keys"] | None],
    slots: tuple[Int[Array, " queries"], Int[Array, " keys"]] | None,
) -> Scores:
    """`scale q . k`, and `NOTHING` where a key is not seen.

    A query sees the keys with its own id, if there are ids, and of these, given the
    slots of queries and keys, none after its own. Empty slots see each other here; what
    they get is replaced at the end.
    """
    s = scale * pairs(query, key)
    if ids[0] is not None and ids[1] is not None:
        same = ids[0][:, :, None] == ids[1][:, None]
        s = jnp.where(same[:, None, None], s, NOTHING)
    if slots is not None:
        before = slots[0][:, None] >= slots[1][None]
        s = jnp.where(before[None, None, None], s, NOTHING)
    return s
