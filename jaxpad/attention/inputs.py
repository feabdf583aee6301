"""What attention is asked for, read in one place."""

import math
from typing import Any, NamedTuple

import jax.core
import jax.numpy as jnp
import numpy as np

from ..typing import Array


class Inputs(NamedTuple):
    """What an implementation is given: checked, and with one axis for the batch.

    Attributes:
        query: `[batch, queries, heads, head_dim]`, floating point.
        key: `[batch, keys, kv_heads, head_dim]`; kv_heads divides heads, and heads
            `i * heads / kv_heads` and on share key head i.
        value: as key.
        query_ids: `[batch, queries]` int32; a query sees the keys with its own id, and
            0 is empty. None if all slots of a row are one segment.
        key_ids: `[batch, keys]` likewise; the very same array in self-attention.
        lengths: of queries and of keys, `[batch]` int32 each, if the ids are 1 for so
            many slots and 0 after; else None.
        causal: whether query i sees no key after slot i.
        scale: of the scores.
    """

    query: Array
    key: Array
    value: Array
    query_ids: Array | None
    key_ids: Array | None
    lengths: tuple[Array, Array] | None
    causal: bool
    scale: float


def read(
    query: Any,
    key: Any,
    value: Any,
    *,
    segment_ids: Any,
    kv_segment_ids: Any,
    lengths: Any,
    kv_lengths: Any,
    causal: Any,
    scale: Any,
) -> Inputs:
    """Reads the arguments of `attention`.

    Raises:
        ValueError: for shapes, ids or lengths that do not fit.
        TypeError: for dtypes that do not.
    """
    query, key, value = map(jnp.asarray, (query, key, value))
    _check_arrays(query, key, value)
    cross = query.shape[-3] != key.shape[-3]
    if segment_ids is not None and lengths is not None:
        raise ValueError(
            "segment_ids and lengths came: both say which slots are real. Leave "
            "lengths away; id 0 is an empty slot."
        )
    ids = key_ids = both = None
    if segment_ids is not None or kv_segment_ids is not None:
        ids, key_ids = _ids_of(segment_ids, kv_segment_ids, query, key)
    elif lengths is not None or kv_lengths is not None:
        both = _lengths_of(lengths, kv_lengths, query, key)
        ids = _prefix(both[0], query.shape[-3])
        same = both[0] is both[1]
        key_ids = ids if same else _prefix(both[1], key.shape[-3])
    if causal and (cross or ids is not key_ids):
        raise ValueError(
            "causal=True is for self-attention, but the keys are others than the "
            f"queries: {key.shape[-3]} keys, {query.shape[-3]} queries, own ids or "
            "lengths. Type causal=False."
        )
    return Inputs(
        query=_one_batch(query, 3),
        key=_one_batch(key, 3),
        value=_one_batch(value, 3),
        query_ids=ids,
        key_ids=key_ids,
        lengths=both,
        causal=bool(causal),
        scale=_scale(scale, query.shape[-1]),
    )


def _check_arrays(query: Array, key: Array, value: Array) -> None:
    if query.ndim < 3 or key.ndim != query.ndim:
        raise ValueError(
            f"query has shape {query.shape} and key {key.shape}: expected "
            "[..., length, heads, head_dim] with the same batch axes. For one head "
            "type query[..., None, :]."
        )
    if key.shape != value.shape:
        raise ValueError(
            f"key has shape {key.shape} and value {value.shape}: expected the same."
        )
    if (*query.shape[:-3], query.shape[-1]) != (*key.shape[:-3], key.shape[-1]):
        raise ValueError(
            f"query has shape {query.shape} and key {key.shape}: expected the same "
            "batch axes and head_dim, the first axes and the last."
        )
    if not key.shape[-2] or query.shape[-2] % key.shape[-2]:
        raise ValueError(
            f"query has {query.shape[-2]} heads and key {key.shape[-2]}: the heads of "
            "key must divide those of query, which share them in groups."
        )
    dtypes = {str(a.dtype) for a in (query, key, value)}
    if len(dtypes) > 1 or not jnp.issubdtype(query.dtype, jnp.floating):
        raise TypeError(
            f"query is {query.dtype}, key {key.dtype} and value {value.dtype}: "
            "expected one floating-point dtype. Cast them, for example with "
            "key.astype(query.dtype)."
        )


def _ids_of(ids: Any, key_ids: Any, query: Array, key: Array) -> tuple[Array, Array]:
    slots, keys = query.shape[:-2], key.shape[:-2]
    if ids is None:
        raise ValueError(
            "kv_segment_ids came without segment_ids: give the queries' ids too, for "
            f"example segment_ids=jnp.ones({slots}, int)."
        )
    found = _one_batch(_integers("segment_ids", ids, slots), 1)
    if key_ids is not None:
        key_ids = _integers("kv_segment_ids", key_ids, keys)
        return found, _one_batch(key_ids, 1)
    if slots != keys:
        raise ValueError(
            f"segment_ids came for {slots[-1]} queries, but there are {keys[-1]} keys: "
            f"give kv_segment_ids of shape {keys} too."
        )
    return found, found


def _lengths_of(
    lengths: Any, kv_lengths: Any, query: Array, key: Array
) -> tuple[Array, Array]:
    batch, slots, keys = query.shape[:-3], query.shape[-3], key.shape[-3]
    if lengths is None:
        lengths = np.full(batch, slots, np.int32)
    found = _one_batch(_integers("lengths", lengths, batch, slots), 0)
    if kv_lengths is not None:
        kv_lengths = _integers("kv_lengths", kv_lengths, batch, keys)
        return found, _one_batch(kv_lengths, 0)
    if slots != keys:
        raise ValueError(
            f"lengths came for {slots} queries, but there are {keys} keys: give "
            f"kv_lengths of shape {batch} too."
        )
    return found, found


def _integers(
    name: str, numbers: Any, shape: tuple[int, ...], most: int | None = None
) -> Array:
    """Reads whole numbers of at least 0, and `most` at most, as int32."""
    numbers = jnp.asarray(numbers)
    if numbers.shape != shape or not jnp.issubdtype(numbers.dtype, jnp.integer):
        raise ValueError(
            f"{name} is {numbers.dtype} of shape {numbers.shape}: expected integers "
            f"of shape {shape}."
        )
    # Under jit the numbers are not known; there ids below 0 are empty as 0 is.
    if numbers.size and not isinstance(numbers, jax.core.Tracer):
        # By NumPy: while tracing, jax would trace what it does with constants too.
        known = np.asarray(numbers)
        low, high = int(known.min()), int(known.max())
        if low < 0 or (most is not None and high > most):
            limit = "at least 0, which is empty" if most is None else f"0 to {most}"
            raise ValueError(
                f"{name} has numbers from {low} to {high}: expected {limit}. Type "
                f"{name}=jnp.clip({name}, 0, {most})."
            )
    return numbers.astype(jnp.int32)


def _one_batch(x: Array, own: int) -> Array:
    """All axes but the last `own` as one."""
    batch = x.shape[: x.ndim - own]
    return x.reshape(math.prod(batch), *x.shape[len(batch) :])


def _prefix(lengths: Array, slots: int) -> Array:
    """1 for so many slots of each row, then 0."""
    there = jnp.arange(slots, dtype=jnp.int32)[None] < lengths[:, None]
    return there.astype(jnp.int32)


def _scale(scale: Any, head_dim: int) -> float:
    if scale is None:
        return head_dim**-0.5
    try:
        return float(scale)
    except (TypeError, ValueError) as e:
        raise TypeError(
            f"scale={scale!r}: expected a number that is known while tracing, such as "
            "scale=0.125. Multiply query by what is learned."
        ) from e
