"""Rows made longer by empty slots, for kernels that take some lengths only."""

import jax.numpy as jnp

from ..typing import Array
from .inputs import Inputs


def lengthen(inputs: Inputs, queries: int, keys: int) -> Inputs:
    """The same with so many empty slots after the queries and after the keys.

    The ids, without which nothing would tell that the new slots are empty, come with
    them; without new slots nothing changes.
    """
    if not queries and not keys:
        return inputs
    batch = inputs.query.shape[0]
    ids, key_ids = inputs.query_ids, inputs.key_ids
    if ids is None or key_ids is None:
        ids = jnp.ones((batch, inputs.query.shape[1]), jnp.int32)
        key_ids = jnp.ones((batch, inputs.key.shape[1]), jnp.int32)
    return inputs._replace(
        query=_after(inputs.query, queries),
        key=_after(inputs.key, keys),
        value=_after(inputs.value, keys),
        query_ids=_after(ids, queries),
        key_ids=_after(key_ids, keys),
    )


def _after(x: Array, count: int) -> Array:
    """Zeros after the second axis."""
    return jnp.pad(x, [(0, 0), (0, count)] + [(0, 0)] * (x.ndim - 2))
