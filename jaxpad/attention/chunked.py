"""The implementation "chunked"."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..typing import Array
from .chunks import Side, added, at, bounds, in_chunks
from .inputs import Inputs
from .lengthen import lengthen
from .scores import NOTHING, grouped, pairs, product, scores
from .table import IMPLEMENTATIONS, LAYOUTS, Abilities


class Rule(NamedTuple):
    """What is the same for all chunks."""

    causal: bool
    scale: float


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
        memory="a block of scores",
        gradients="first order, reverse mode",
    )
)
def chunked(inputs: Inputs, *, chunk: int = 256) -> Array:
    """Block after block of scores, in plain XLA, without blocks that nobody sees.

    A block is `chunk` queries times `chunk` keys. Sums go on from block to block, and
    the backward pass makes the scores again: "FlashAttention" (Dao et al., 2022).

    Raises:
        ValueError: if chunk is below 1.
    """
    if chunk < 1:
        raise ValueError(f"chunk={chunk}: expected at least 1, such as chunk=256.")
    slots, keys = inputs.query.shape[1], inputs.key.shape[1]
    sizes = min(chunk, slots), min(chunk, keys)
    inputs = lengthen(inputs, -slots % sizes[0], -keys % sizes[1])
    query = grouped(inputs.query, inputs.key.shape[2])
    q = in_chunks(query, inputs.query_ids, sizes[0])
    k = in_chunks((inputs.key, inputs.value), inputs.key_ids, sizes[1])
    rule = Rule(inputs.causal, inputs.scale)
    out = _attend(rule, *_alike(rule, q, k), bounds(q, k, inputs.causal))
    return out.swapaxes(0, 1).reshape(inputs.query.shape)[:, :slots]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _attend(rule: Rule, q: Side, k: Side, limits: Array) -> Array:
    return _forward(rule, q, k, limits)[0]


def _forward(rule: Rule, q: Side, k: Side, limits: Array) -> tuple[Array, Any]:
    """The output, chunk by chunk, and what the backward pass needs."""

    def of_chunk(chunk: tuple[Side, Array]) -> tuple[Array, Array]:
        q, (start, end) = chunk
        batch, slots, kv_heads, group, head_dim = q.x.shape
        zero = jnp.broadcast_to(_zero(rule, q, k), (batch, kv_heads, group, slots))
        out = jnp.broadcast_to(zero[..., None], (*zero.shape, head_dim))
        carry = out, zero + NOTHING, zero

        def step(j: Array, carry: Any) -> Any:
            return _more(rule, q, at(k, j), *carry)

        out, most, total = lax.fori_loop(start, end, step, carry)
        total = jnp.where(total > 0, total, 1)
        out = (out / total[..., None]).transpose(0, 3, 1, 2, 4)
        return out.astype(q.x.dtype), most + jnp.log(total)

    out, log_total = lax.map(of_chunk, (q, limits))
    return out, (q, k, limits, out, log_total)


def _more(
    rule: Rule, q: Side, k: Side, out: Array, most: Array, total: Array
) -> tuple[Array, Array, Array]:
    """The sums of a chunk of queries, with one more chunk of keys."""
    (_, value), s = k.x, _block(rule, q, k)
    now = jnp.maximum(most, s.max(-1))
    # What a query adds up before it has seen a key is multiplied by 0 then.
    weights, before = jnp.exp(s - now[..., None]), jnp.exp(most - now)
    new = product("bkgqs,bskd->bkgqd", weights.astype(value.dtype), value)
    total = total * before + weights.sum(-1)
    return out * before[..., None] + new, now, total


def _backward(rule: Rule, kept: Any, g: Array) -> tuple[Side, Side, None]:
    """The gradients; those of the keys grow while the queries go by."""
    q, k, limits, out, log_total = kept

    def of_chunk(dk: Any, chunk: Any) -> tuple[Any, Array]:
        q, (start, end), *of_out = chunk

        def step(j: Array, carry: Any) -> Any:
            dq, dk = carry
            dq_more, dk_more = _gradients(rule, q, at(k, j), *of_out)
            return dq + dq_more, added(dk, j, dk_more)

        dq = jnp.broadcast_to(_zero(rule, q, k), q.x.shape)
        dq, dk = lax.fori_loop(start, end, step, (dq, dk))
        return dk, dq.astype(q.x.dtype)

    # What a softmax takes off the gradient of each of its scores.
    along = jnp.einsum(
        "cbqkgd,cbqkgd->cbkgq", *(a.astype(log_total.dtype) for a in (out, g))
    )
    zero = _zero(rule, at(q, jnp.int32(0)), k)
    zeros = jax.tree.map(lambda a: jnp.broadcast_to(zero, a.shape), k.x)
    dk, dq = lax.scan(of_chunk, zeros, (q, limits, log_total, along, g))
    dk = jax.tree.map(lambda d, x: d.astype(x.dtype), dk, k.x)
    none = {"ids": None, "slots": None}
    return q._replace(x=dq, **none), k._replace(x=dk, **none), None


def _gradients(
    rule: Rule, q: Side, k: Side, log_total: Array, along: Array, g: Array
) -> tuple[Array, tuple[Array, Array]]:
    """What one block gives the queries, and the keys and values."""
    (key, value), s = k.x, _block(rule, q, k)
    weights = jnp.exp(s - log_total[..., None])
    ds = pairs(g, value) - along[..., None]
    ds = (weights * ds * rule.scale).astype(g.dtype)
    dkey = product("bkgqs,bqkgd->bskd", ds, q.x)
    dvalue = product("bkgqs,bqkgd->bskd", weights.astype(g.dtype), g)
    return product("bkgqs,bskd->bqkgd", ds, key), (dkey, dvalue)


def _block(rule: Rule, q: Side, k: Side) -> Array:
    """The scores of a chunk of queries and a chunk of keys."""
    slots = (q.slots, k.slots) if rule.causal else None
    return scores(q.x, k.x[0], rule.scale, (q.ids, k.ids), slots)


def _zero(rule: Rule, q: Side, k: Side) -> Array:
    """0 in the dtype of sums. Nothing is computed for it.

    In `jax.shard_map` it varies over devices as the scores do, which jax asks of what
    a loop begins with.
    """
    return jnp.zeros_like(_block(rule, q, at(k, jnp.int32(0)))[0, 0, 0, 0, 0])


def _alike(rule: Rule, q: Side, k: Side) -> tuple[Side, Side]:
    """The same, varying over the same devices, and so do their gradients."""
    one = 1 + _zero(rule, at(q, jnp.int32(0)), k)

    def times_one(side: Side) -> Side:
        x = jax.tree.map(lambda a: a * one.astype(a.dtype), side.x)
        return side._replace(x=x)

    return times_one(q), times_one(k)


_attend.defvjp(_forward, _backward)
