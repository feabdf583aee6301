"""Modes that read whole lines, at the borders of each sequence."""

import jax.numpy as jnp
from jax import lax

from ..padding import sum_dtype
from ..padding.linear_prediction import fit, go_on, scale_of
from ..typing import Array
from .batch import Ragged
from .per_sequence import outermost, sum_per_sequence, to_cells
from .segment_modes import SEGMENT_MODES, Pair


@SEGMENT_MODES.register
def median(batch: Ragged, widths: Pair, *, cells: int | None = None) -> Array:
    """One sort of each row gives the medians of all of its sequences."""
    length = batch.ends - batch.starts
    many = length if cells is None else jnp.minimum(length, cells)
    before = after = _middle(batch, batch.real & (batch.positions < many))
    if cells is not None:
        after = _middle(batch, batch.real & (batch.positions >= length - many))
    sides = zip((before, after), widths, strict=True)
    return lax.concatenate([jnp.repeat(m[:, None], w, 1) for m, w in sides], 1)


def _middle(batch: Ragged, there: Array) -> Array:
    """The median of those cells of each sequence, with the gradient of the mode."""
    x = batch.values.astype(sum_dtype(batch.values.dtype))
    x = jnp.where(there[..., None], x, 0)
    # Cells that are not there stand last in their row.
    ids = jnp.where(there, batch.segment_ids, batch.capacity + 1)[..., None]
    ids = jnp.broadcast_to(ids, x.shape)
    _, ordered = lax.sort((ids, lax.stop_gradient(x)), dimension=1, num_keys=2)
    ones = there.astype(jnp.int32)
    count, first = sum_per_sequence(ones, batch), _first_sorted(batch, ones)
    middles = []
    for rank in ((count - 1) // 2, count // 2):
        value = ordered.reshape(-1, x.shape[-1])[first + jnp.maximum(rank, 0)]
        apart = x - to_cells(value, batch)
        equal = there[..., None] & (apart == 0)
        # Zero everywhere, but with the gradient of the cells' mean.
        shift = sum_per_sequence(jnp.where(equal, apart, 0), batch)
        share = sum_per_sequence(equal.astype(x.dtype), batch)
        middles.append(value + shift / jnp.maximum(share, 1))
    # Halved before, since the sum may overflow.
    return (middles[0] / 2 + middles[1] / 2).astype(batch.values.dtype)


def _first_sorted(batch: Ragged, ones: Array) -> Array:
    """Where each sequence begins in sorted rows, counted over all rows."""
    row = batch.capacity * jnp.arange(batch.rows, dtype=jnp.int32)[:, None]
    place = row + jnp.cumsum(ones, 1, dtype=jnp.int32) - 1
    number = jnp.where(ones > 0, batch.numbers, batch.sequences)
    last = jnp.full(batch.sequences, ones.size - 1, jnp.int32)
    return last.at[number].min(place, mode="drop")


@SEGMENT_MODES.register
def linear_prediction(
    batch: Ragged, widths: Pair, *, order: int = 2, ridge: float = 1e-4
) -> Array:
    """The sums of products that a fit needs are sums per sequence."""
    x = batch.values.astype(sum_dtype(batch.values.dtype))
    x = jnp.where(batch.real[..., None], x, 0)
    largest = jnp.zeros((batch.sequences, x.shape[-1]), x.dtype)
    largest = largest.at[batch.numbers].max(lax.stop_gradient(jnp.abs(x)), mode="drop")
    scale = scale_of(largest)
    # Not by the 0 of an empty cell, which has a gradient.
    unit = x / jnp.where(batch.real[..., None], to_cells(scale, batch), 1)
    starts, ends = outermost(unit, batch, order)
    power = sum_per_sequence(unit * unit, batch)

    def side(cells: Array, width: int, outward: int) -> list[Array]:
        """Of the outermost cells, the border first, those that follow."""
        inward = batch.positions
        if outward < 0:
            inward = batch.ends - batch.starts - 1 - batch.positions
        fits = (batch.real & (inward >= order))[..., None]
        shifted = (jnp.roll(unit, outward * k, 1) for k in range(order + 1))
        late = [jnp.where(fits, line, 0) for line in shifted]
        weights = fit(late, power, ridge, lambda x: sum_per_sequence(x, batch))
        nearest = [cells[:, k] for k in range(order)]
        return go_on(nearest, weights, width)

    before, after = side(starts, widths[0], -1), side(ends[:, ::-1], widths[1], 1)
    made = jnp.stack([*before[::-1], *after], 1) * scale[:, None]
    return jnp.where((batch.lengths > order)[:, None, None], made, jnp.nan)
