"""The implementation "cudnn"."""

import jax
import jax.numpy as jnp

from ..typing import Array
from .inputs import Inputs
from .lengthen import lengthen
from .table import IMPLEMENTATIONS, Abilities


@IMPLEMENTATIONS.register(
    abilities=Abilities(
        # Segments it would take as a bias for each pair of slots, and no other way
        # that jax makes public.
        layouts=("whole", "lengths"),
        cross=True,
        causal=True,
        dtypes=("float16", "bfloat16"),
        head_dims=range(8, 129, 8),
        devices=("gpu",),
        emulated=False,
        splits=True,
        memory="blocks of scores; rows become even",
        gradients="first order, reverse mode",
    )
)
def cudnn(inputs: Inputs) -> Array:
    """The flash attention of cuDNN, through `jax.nn.dot_product_attention`."""
    (batch, queries), keys = inputs.query.shape[:2], inputs.key.shape[1]
    # Some versions of cuDNN refuse odd rows.
    inputs = lengthen(inputs, queries % 2, keys % 2)
    options = {}
    if inputs.query_ids is not None:
        lengths = inputs.lengths or (jnp.full(batch, n) for n in (queries, keys))
        # One slot of an empty row is worked on, so that nothing is divided by 0.
        lengths = (jnp.maximum(n, 1).astype(jnp.int32) for n in lengths)
        names = ("query_seq_lengths", "key_value_seq_lengths")
        options = dict(zip(names, lengths, strict=True))
    out = jax.nn.dot_product_attention(
        _real(inputs.query, inputs.query_ids),
        _real(inputs.key, inputs.key_ids),
        _real(inputs.value, inputs.key_ids),
        is_causal=inputs.causal,
        scale=inputs.scale,
        implementation="cudnn",
        **options,
    )
    return out[:, :queries]


def _real(x: Array, ids: Array | None) -> Array:
    """0 in empty slots, and so no gradient there, whatever cuDNN leaves in them."""
    return x if ids is None else jnp.where((ids > 0)[:, :, None, None], x, 0)
