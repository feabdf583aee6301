"""Attention in which nobody sees another segment, whatever computes it."""

import jax.numpy as jnp
from jaxtyping import Float, Int

from ..typing import AnyArray, Array
from .choose import case_of, check_able, choose
from .inputs import Inputs, read
from .table import IMPLEMENTATIONS, Implementation


def attention(
    query: Float[AnyArray, "*batch queries heads head_dim"],
    key: Float[AnyArray, "*batch keys kv_heads head_dim"],
    value: Float[AnyArray, "*batch keys kv_heads head_dim"],
    *,
    segment_ids: Int[AnyArray, "*batch queries"] | None = None,
    kv_segment_ids: Int[AnyArray, "*batch keys"] | None = None,
    lengths: Int[AnyArray, "*batch"] | None = None,
    kv_lengths: Int[AnyArray, "*batch"] | None = None,
    causal: bool = False,
    scale: float | None = None,
    implementation: str | Implementation = "auto",
) -> Float[Array, "*batch queries heads head_dim"]:
    """Softmax attention, in which a query sees the keys of its own segment.

    `out[i] = sum_j softmax_j(scale q[i] . k[j]) v[j]`, over the keys j with the segment
    id of query i and, if causal, with `j <= i`. A query that sees no key, and an empty
    one, gets 0, and has gradient 0. What one segment holds changes nothing in another,
    as long as it is finite.

    Every implementation computes this; one that cannot do what is asked raises, and
    none leaves a mask away.

    Args:
        query: `[..., queries, heads, head_dim]`, floating point.
        key: `[..., keys, kv_heads, head_dim]`, of query's dtype; kv_heads divides
            heads, and neighbouring heads share a key head (grouped-query attention).
        value: as key.
        segment_ids: `[..., queries]`, of each slot the number of its segment in the
            row, from 1; 0 is empty. Slots of a row with one id are one segment, also
            where others stand between them. Without ids a row is one segment.
        kv_segment_ids: `[..., keys]`, if the keys are others than the queries.
        lengths: `[...]`, for padded rows instead of segment_ids: how many slots of a
            row are real, from its first.
        kv_lengths: `[...]`, likewise of the keys, if they are others.
        causal: whether a query sees no key after its own slot; only where keys and
            queries are the same slots.
        scale: of the scores, `head_dim ** -0.5` by default.
        implementation: "auto", "dense", "chunked", "splash" (TPUs), "triton" or
            "cudnn" (NVIDIA GPUs), with options as in "chunked(chunk=256)", or a
            function of `Inputs`. `jaxpad.attention.choose` says what "auto" takes.

    Returns:
        `[..., queries, heads, head_dim]`, of query's dtype; sums are in float32 at
        least.

    Raises:
        ValueError: for arguments that do not fit together, or an implementation that
            cannot do this; the error says which can.
        TypeError: for dtypes that differ or are not floating point.

    Example:
        >>> x = jnp.arange(4.0).reshape(1, 4, 1, 1)
        >>> ids = jnp.array([[1, 1, 2, 0]])
        >>> attention(0 * x, x, x, segment_ids=ids)[0, :, 0, 0]
        Array([0.5, 0.5, 2. , 0. ], dtype=float32)

    "Attention Is All You Need" (Vaswani et al., 2017); grouped heads: "GQA" (Ainslie et
    al., 2023).
    """
    inputs = read(
        query,
        key,
        value,
        segment_ids=segment_ids,
        kv_segment_ids=kv_segment_ids,
        lengths=lengths,
        kv_lengths=kv_lengths,
        causal=causal,
        scale=scale,
    )
    if not inputs.query.size or not inputs.key.size:
        return jnp.zeros_like(query)
    case = case_of(inputs)
    if implementation == "auto":
        implementation = choose(case).implementation
    check_able(implementation, case)
    out = IMPLEMENTATIONS.resolve(implementation)(inputs)
    sees = _sees(inputs)
    if sees is not None:
        out = jnp.where(sees[:, :, None, None], out, 0)
    return out.reshape(jnp.shape(query))


def _sees(inputs: Inputs) -> Array | None:
    """Which queries see a key at all; None if all do."""
    ids, key_ids = inputs.query_ids, inputs.key_ids
    if ids is None or key_ids is None:
        return None
    if ids is key_ids:  # each sees itself
        return ids > 0
    found = (ids[:, :, None] == key_ids[:, None]).any(-1)
    return found & (ids > 0)
