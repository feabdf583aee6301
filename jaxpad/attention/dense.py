"""The implementation "dense"."""

import jax.numpy as jnp
from jax import lax

from ..typing import Array
from .inputs import Inputs
from .scores import NOTHING, grouped, product, scores, seen
from .table import IMPLEMENTATIONS, LAYOUTS, Abilities


@IMPLEMENTATIONS.register(
    abilities=Abilities(
        layouts=tuple(LAYOUTS),
        cross=True,
        causal=True,
        dtypes=("float16", "bfloat16", "float32", "float64"),
        head_dims=None,
        devices=("cpu", "gpu", "tpu"),
        emulated=False,
        splits=True,
        memory="all scores, kept for the backward pass",
        gradients="all",
    )
)
def dense(inputs: Inputs) -> Array:
    """Every score at once, in plain XLA."""
    query = grouped(inputs.query, inputs.key.shape[-2])
    slots = (jnp.arange(query.shape[1]), jnp.arange(inputs.key.shape[1]))
    mask = seen(inputs.query_ids, inputs.key_ids, slots if inputs.causal else None)
    s = scores(query, inputs.key, inputs.scale)
    if mask is not None:
        s = jnp.where(mask, s, NOTHING)
    weights = jnp.exp(s - lax.stop_gradient(s.max(-1, keepdims=True)))
    if mask is not None:  # of a query that sees no key all scores are the same
        weights = jnp.where(mask, weights, 0)
    total = weights.sum(-1, keepdims=True)
    weights = weights / jnp.where(total > 0, total, 1)
    weights = weights.astype(inputs.value.dtype)
    out = product("bkgqs,bskd->bqkgd", weights, inputs.value)
    return out.reshape(inputs.query.shape).astype(inputs.query.dtype)
