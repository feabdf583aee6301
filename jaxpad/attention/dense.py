"""The implementation "dense"."""

import jax
import jax.numpy as jnp

from ..typing import Array
from .inputs import Inputs
from .scores import grouped, product, scores
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
    ids = inputs.query_ids, inputs.key_ids
    s = scores(query, inputs.key, inputs.scale, ids, slots if inputs.causal else None)
    weights = jax.nn.softmax(s).astype(inputs.value.dtype)
    out = product("bkgqs,bskd->bqkgd", weights, inputs.value)
    return out.reshape(inputs.query.shape).astype(inputs.query.dtype)
