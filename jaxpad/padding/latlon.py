"""The sphere as a map of latitudes and longitudes."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Shaped

from ..typing import AnyArray, Array
from .catalogue import MODES
from .modes import circular, reflect, symmetric
from .rules import cells


# How rows go on beyond a pole, by where the pole is.
POLES = {"between": symmetric, "on": reflect}


@MODES.register(laws=["interior", "identity", "affine", "transforms", "dtype"])
def latlon(
    x: Shaped[AnyArray, "..."],
    widths: Sequence[tuple[int, int]],
    *,
    poles: str = "between",
    odd_channels: Sequence[int] = (),
) -> Shaped[Array, "..."]:
    """CBA|abcd|DCB

    For a map of the whole globe, `[batch, latitude, longitude, channels]`: longitudes
    go round, and beyond a pole the map goes on half a turn away (the capitals in the
    drawing of latitudes). With `poles="between"` a pole is the outer edge of the first
    and last row, which are repeated; with `poles="on"` these rows are the poles, which
    are not. `odd_channels` are those that change their sign beyond a pole: both
    components of a wind, whose east and north turn round there. An even number of
    longitudes; any number of cells beyond them, and at most all latitudes (`"on"`: one
    less). KARINA, Cheon et al., 2024.
    """
    x = jnp.asarray(x)
    if not any(map(any, widths)):
        return x
    _check(x, widths, poles, odd_channels)
    around = [(0, 0), (0, 0), widths[2], (0, 0)]
    return circular(_over_the_poles(x, widths[1], POLES[poles], odd_channels), around)


def _check(
    x: Array,
    widths: Sequence[tuple[int, int]],
    poles: str,
    odd_channels: Sequence[int],
) -> None:
    shape = "[batch, latitude, longitude, channels]"
    if x.ndim != 4 or any(widths[0]) or any(widths[-1]):
        raise ValueError(
            f"latlon pads the two space axes of {shape}, but x has shape {x.shape} and "
            f'widths are {list(widths)}. Write pad(x, widths, "latlon", axes=(1, 2)).'
        )
    _, rows, columns, channels = x.shape
    if poles not in POLES:
        raise ValueError(f"poles={poles!r}: expected one of {list(POLES)}.")
    if not isinstance(odd_channels, Sequence):
        raise TypeError(
            f"odd_channels={odd_channels!r}: expected the numbers of channels, as in "
            "odd_channels=(0, 1)."
        )
    if any(not 0 <= channel < channels for channel in odd_channels):
        raise ValueError(
            f"odd_channels={odd_channels} are not all among the {channels} channels of "
            f"x, 0 to {channels - 1}."
        )
    if odd_channels and x.dtype.kind in "ub":
        raise ValueError(
            f"odd_channels={odd_channels} change their sign, which an array of "
            f"{x.dtype} cannot hold; convert it first: x.astype(jnp.float32)."
        )
    if columns % 2 and any(widths[1]):
        raise ValueError(
            f"latlon: beyond a pole the map goes on half a turn away, but {columns} "
            f"longitudes, of x of shape {x.shape}, have no half. Resample to an even "
            'number, or pad latitudes otherwise: mode=("replicate", "circular").'
        )
    if (widest := max(widths[1])) > (room := rows - (poles == "on")):
        raise ValueError(
            f"width {widest} is too wide for latlon(poles={poles!r}): {rows} latitudes "
            f"have room for at most {room} beyond a pole. Use a smaller width."
        )


def _over_the_poles(
    x: Array, widths: tuple[int, int], rule: Any, odd_channels: Sequence[int]
) -> Array:
    n, (north, south) = x.shape[1], widths
    beyond = [cells(rule, x, 1, r) for r in (range(-north, 0), range(n, n + south))]
    before, after = ([_far_side(s, odd_channels) for s in strips] for strips in beyond)
    return lax.concatenate([*before, x, *after], 1)


def _far_side(rows: Array, odd_channels: Sequence[int]) -> Array:
    """Rows as they are half a turn away, with the sign that vectors have there."""
    east, west = jnp.split(rows, 2, axis=2)
    turned = lax.concatenate([west, east], 2)
    if not odd_channels:
        return turned
    signs = np.ones((1, 1, 1, rows.shape[-1]), rows.dtype)
    signs[..., list(odd_channels)] = -1
    return turned * jnp.asarray(signs)
