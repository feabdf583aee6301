"""Rows in chunks, and which chunk of queries sees which chunks of keys."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..typing import Array


class Side(NamedTuple):
    """The queries, or the keys, in chunks; or one chunk, without the first axis.

    Attributes:
        x: queries, or keys and values, each `[chunks, batch, slots, ...]`.
        ids: `[chunks, batch, slots]`; None if all slots of a row are one segment.
        slots: `[chunks, slots]`, the place of each in its row.
    """

    x: Any
    ids: Array | None
    slots: Array


def in_chunks(x: Any, ids: Array | None, size: int) -> Side:
    """Arrays `[batch, length, ...]` as chunks of `size`, which divides the length."""

    def split(a: Array) -> Array:
        return a.reshape(a.shape[0], -1, size, *a.shape[2:]).swapaxes(0, 1)

    length = jax.tree.leaves(x)[0].shape[1]
    slots = jnp.arange(length, dtype=jnp.int32).reshape(-1, size)
    return Side(jax.tree.map(split, x), None if ids is None else split(ids), slots)


def at(arrays: Any, j: Array) -> Any:
    """Chunk j of arrays that hold all chunks."""
    return jax.tree.map(lambda a: lax.dynamic_index_in_dim(a, j, 0, False), arrays)


def added(arrays: Any, j: Array, terms: Any) -> Any:
    """The same with something added to chunk j."""

    def one(a: Array, term: Array) -> Array:
        return lax.dynamic_update_index_in_dim(a, at(a, j) + term, j, 0)

    return jax.tree.map(one, arrays, terms)


def bounds(queries: Side, keys: Side, causal: bool) -> Array:
    """From which chunk of keys to which each chunk of queries has something to see.

    Two chunks have nothing in common if in every row the ranges of their ids do not
    meet. That holds for ids in any order; in the order of a layout little else is left.

    Returns:
        `[chunks, 2]`, the first chunk of keys and the one after the last.
    """
    meet = jnp.ones((len(queries.slots), len(keys.slots)), bool)
    if queries.ids is not None and keys.ids is not None:
        (low, high), (first, last) = _range(queries.ids), _range(keys.ids)
        overlap = (low[:, None] <= last[None]) & (first[None] <= high[:, None])
        meet = overlap.any(-1)
    if causal:
        meet &= queries.slots[:, -1:] >= keys.slots[None, :, 0]
    start = jnp.argmax(meet, 1)
    end = jnp.where(meet.any(1), meet.shape[1] - jnp.argmax(meet[:, ::-1], 1), start)
    return jnp.stack([start, end], 1).astype(jnp.int32)


def _range(ids: Array) -> tuple[Array, Array]:
    """The smallest and the largest id in each chunk and row, of slots with one."""
    none = jnp.iinfo(ids.dtype).max
    return jnp.where(ids > 0, ids, none).min(-1), jnp.maximum(ids, 0).max(-1)
