"""Means of losses that are the same in every layout and on any number of devices.

A mean over a row, or over a device's share, weighs a token by who stands beside it.
Here every denominator is that of the whole batch: sums go over all devices before
anything is divided.
"""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Float, Shaped

from ..padding import sum_dtype
from ..typing import AnyArray, Array
from .batch import Ragged
from .per_sequence import sum_per_sequence, to_cells


def token_loss(
    losses: Float[AnyArray, "rows capacity"],
    batch: Ragged,
    *,
    weights: Shaped[AnyArray, "rows capacity"] | None = None,
    axis_name: Any = None,
) -> Float[Array, ""]:
    """The mean over all tokens, `sum_t w_t l_t / sum_t w_t`.

    Long sequences weigh more. With weights that are 1 on masked tokens it is the loss
    of masked-language models.

    Args:
        losses: of each cell; those of empty cells count nowhere.
        batch: says whose the cells are.
        weights: of each cell, at least 0, numbers or booleans; 1 by default.
        axis_name: of the mesh, or several, in a `jax.shard_map` over rows. Under
            `jax.jit` alone sums are over all devices as they are.

    Returns:
        The mean; 0 if there is no token.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1.0, 2.0, 6.0], [4.0]], capacity=3)
        >>> token_loss(batch.values, batch)
        Array(3.25, dtype=float32)
    """
    weighted, weights = _weighted(losses, batch, weights)
    return _ratio(_all(weighted.sum(), axis_name), _all(weights.sum(), axis_name))


def sequence_loss(
    losses: Float[AnyArray, "rows capacity"],
    batch: Ragged,
    *,
    weights: Shaped[AnyArray, "rows capacity"] | None = None,
    axis_name: Any = None,
) -> Float[Array, ""]:
    """The mean over sequences of their means, `1/M sum_i sum_t w_it l_it / N_i`.

    `N_i = sum_t w_it`, and M is the number of sequences of which that is not 0. Every
    sequence weighs the same.

    Args:
        losses, batch, weights, axis_name: as in `token_loss`. No sequence may be split
            over devices.

    Returns:
        The mean; 0 if there is no sequence.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1.0, 2.0, 6.0], [4.0]], capacity=3)
        >>> sequence_loss(batch.values, batch)
        Array(3.5, dtype=float32)
    """
    weighted, weights = _weighted(losses, batch, weights)
    sums, count = (sum_per_sequence(a, batch) for a in (weighted, weights))
    there = jnp.sum(count > 0, dtype=count.dtype)
    means = jnp.sum(_ratio(sums, count))
    return _ratio(_all(means, axis_name), _all(there, axis_name))


def length_weighted_loss(
    losses: Float[AnyArray, "rows capacity"],
    batch: Ragged,
    *,
    weights: Shaped[AnyArray, "rows capacity"] | None = None,
    axis_name: Any = None,
) -> Float[Array, " rows"]:
    """A loss for each row, whose plain mean over all rows is `sequence_loss`.

    `K/M sum_i sum_t w_it l_it / N_i` over the sequences i of a row, of K rows and M
    sequences. For trainers that take the mean over rows themselves, or over devices
    with as many rows each.

    Args:
        losses, batch, weights, axis_name: as in `sequence_loss`.

    Returns:
        `[rows]`.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[1.0, 2.0, 6.0], [4.0]], capacity=3)
        >>> length_weighted_loss(batch.values, batch)
        Array([3., 4.], dtype=float32)

    "LongAlign", Bai et al., 2024.
    """
    weighted, weights = _weighted(losses, batch, weights)
    count = sum_per_sequence(weights, batch)
    there = _all(jnp.sum(count > 0, dtype=count.dtype), axis_name)
    rows = jnp.sum(_ratio(weighted, to_cells(count, batch)), 1)
    every = batch.rows if axis_name is None else lax.psum(batch.rows, axis_name)
    return rows * _ratio(jnp.asarray(every, rows.dtype), there)


def _weighted(
    losses: AnyArray, batch: Ragged, weights: AnyArray | None
) -> tuple[Array, Array]:
    """Losses times weights, and weights; 0 in empty cells."""
    losses = jnp.asarray(losses)
    losses = losses.astype(sum_dtype(losses.dtype))
    if losses.shape != batch.segment_ids.shape:
        raise ValueError(
            f"losses has shape {losses.shape}, but the batch has {batch.rows} rows of "
            f"{batch.capacity} cells: expected a number for each."
        )
    ones = batch.real.astype(losses.dtype)
    weights = ones if weights is None else ones * jnp.asarray(weights, losses.dtype)
    # What counts nowhere may be no number.
    return jnp.where(weights != 0, losses, 0) * weights, weights


def _all(x: Array, axis_name: Any) -> Array:
    return x if axis_name is None else lax.psum(x, axis_name)


def _ratio(a: Array, b: Array) -> Array:
    """`a / b`, and 0 where b is 0."""
    return jnp.where(b != 0, a / jnp.where(b != 0, b, 1), 0)
