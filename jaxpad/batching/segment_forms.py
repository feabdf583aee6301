"""Modes that read a few cells near the border, or none, at those of each sequence."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from ..padding import MODES, sum_dtype
from ..typing import AnyArray, Array, PadMode
from .batch import Ragged
from .per_sequence import outermost
from .segment_modes import SEGMENT_MODES, Pair


def by_ends(mode: PadMode, batch: Ragged, widths: Pair, reach: int) -> Array:
    """The padding cells by the mode itself, which reads only `reach` cells inward.

    It is called on lines of 1, 2, ... cells, since short sequences have no more.
    """
    (lo, hi), shape = widths, batch.values.shape
    starts, ends = outermost(batch.values, batch, reach)
    cells = jnp.full((len(starts), lo + hi, shape[-1]), jnp.nan, starts.dtype)
    for n in range(1, min(reach, batch.capacity) + 1):
        try:
            before = mode(starts[:, :n], [(0, 0), (lo, 0), (0, 0)])[:, :lo]
            after = mode(ends[:, reach - n :], [(0, 0), (0, hi), (0, 0)])[:, n:]
        except ValueError:  # so few are not enough for it
            continue
        made = lax.concatenate([before, after], 1)
        cells = jnp.where((batch.lengths >= n)[:, None, None], made, cells)
    return cells


def _given(name: str, **options: Any) -> PadMode:
    return lambda x, widths: MODES[name](x, widths, **options)


@SEGMENT_MODES.register
def learned_constant(batch: Ragged, widths: Pair, *, value: AnyArray) -> Array:
    """Reads no cell at all."""
    return by_ends(_given("learned_constant", value=value), batch, widths, 1)


@SEGMENT_MODES.register
def learned_extrapolation(batch: Ragged, widths: Pair, *, weights: AnyArray) -> Array:
    """Each cell is made of the 2 inward of it."""
    return by_ends(_given("learned_extrapolation", weights=weights), batch, widths, 2)


@SEGMENT_MODES.register
def distribution(
    batch: Ragged, widths: Pair, *, extension: str = "reflect", patch: int = 3
) -> Array:
    """Reflected means of patches are near the border; stretched ones depend on n."""
    if extension == "interpolate":
        return _stretched(batch, widths, patch)
    reach = max(widths) + 1 + (patch - 1) // 2
    return by_ends(_given("distribution", patch=patch), batch, widths, reach)


def _stretched(batch: Ragged, widths: Pair, patch: int) -> Array:
    """The n / parts long parts of a line stand for (n + lo + hi) / parts cells each."""
    x = lax.stop_gradient(batch.values).astype(sum_dtype(batch.values.dtype))
    # The padding cells lie before the middle of part `max(widths) // patch + 1`, and a
    # part is shorter than 2 patches.
    reach = (max(widths) // patch + 2) * (2 * patch - 1)
    starts, ends = outermost(x, batch, reach)
    n = jnp.maximum(batch.lengths, 1)[:, None, None]
    parts = jnp.maximum(n // patch, 1).astype(x.dtype)
    n, cell = n.astype(x.dtype), jnp.arange(reach, dtype=x.dtype)[None, None]

    def side(cells: Array, width: int) -> Array:
        """Of the outermost cells, the border first, the padding from outside on."""
        i = jnp.arange(width, dtype=x.dtype)[None, :, None]
        at = (i + 0.5) * parts / (n + sum(widths)) - 0.5
        at = jnp.clip(at, 0, parts - 1)

        def part(p: Array) -> Array:
            """The weights of the cells in the mean of part p, which may split some."""
            inside = jnp.minimum((p + 1) * n / parts, cell + 1)
            return jnp.maximum(inside - jnp.maximum(p * n / parts, cell), 0) * parts / n

        low = jnp.floor(at)
        weights = (1 - (at - low)) * part(low) + (at - low) * part(low + 1)
        return jnp.einsum("swk,skc->swc", weights, cells, precision="highest")

    before, after = side(starts, widths[0]), side(ends[:, ::-1], widths[1])
    return lax.concatenate([before, after[:, ::-1]], 1)
