"""Convolution whose border has kernels of its own."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Shaped

from ..arith import span
from ..typing import Amount, AnyArray, Array, Image, PerAxis
from .functional import conv
from .geometry import Geometry, check_image, geometry


class Zone(NamedTuple):
    """Outputs of one axis whose windows overhang the same side, or none.

    Attributes:
        outputs: how many there are.
        cells: first and last + 1 of the cells that they see.
        widths: absent cells before and after those.
    """

    outputs: int
    cells: tuple[int, int]
    widths: tuple[int, int]


def edge_conv(
    x: Image,
    kernels: Shaped[AnyArray, "*zones_window_in out"],
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    amount: Amount = "same",
    bias: Shaped[AnyArray, " out"] | None = None,
) -> Shaped[Array, "batch *out_space out"]:
    """Convolution with one kernel inside and others where a window overhangs a border.

    `y[o] = sum_t kernels[zone(o)][t] . x[o stride + t dilation - lo] + bias`, over the
    taps on real cells, where `zone` is 0, 1 or 2 on each axis: the window overhangs
    the beginning, nothing, or the end. With equal kernels it is `jaxpad.conv` with
    zero padding. The kernels of a border run only on the strip that they see.

    Args:
        x: `[batch, *space, in]`, floating point.
        kernels: `[3, *window, in / groups, out]` for 1 space axis, `[3, 3, ...]` for
            2, `[3, 3, 3, ...]` for 3; the kernel of the inside is `kernels[1, 1]`.
        stride: as in `jaxpad.conv`.
        dilation: as in `jaxpad.conv`.
        groups: as in `jaxpad.conv`.
        amount: as in `jaxpad.conv`.
        bias: `[out]`, one for all zones.

    Returns:
        `[batch, *out_space, out]`, of x's dtype.

    Raises:
        ValueError: for shapes that do not fit together, or an image so small that a
            window overhangs both ends of an axis.

    Example:
        >>> kernels = jnp.ones((3, 3, 1, 1)).at[0].set(10.0)
        >>> edge_conv(jnp.ones((1, 4, 1)), kernels)[0, :, 0]
        Array([20., 3., 3., 2.], dtype=float32)

    "Learning on the Edge" (Innamorati et al., 2018).
    """
    kernels = jnp.asarray(kernels)
    rank = (kernels.ndim - 2) // 2
    if kernels.ndim != 2 * rank + 2 or kernels.shape[:rank] != (3,) * rank:
        raise ValueError(
            f"kernels of shape {kernels.shape}: expected 3 for each space axis, then "
            "the kernel, as [3, 3, *window, in, out] for 2 space axes."
        )
    x, window = check_image("edge_conv", x, rank), kernels.shape[rank:-2]
    zones = _zones(geometry(x.shape[1:-1], window, stride, dilation, amount))

    def outputs(chosen: tuple[int, ...]) -> Array:
        """The outputs of one zone of each of the first axes, and of all of the rest."""
        axis = len(chosen)
        if axis == rank:
            return one_zone(chosen)
        parts = [outputs((*chosen, z)) for z in range(3) if zones[axis][z].outputs]
        return lax.concatenate(parts, axis + 1)

    def one_zone(chosen: tuple[int, ...]) -> Array:
        seen = x
        here = [zones[axis][z] for axis, z in enumerate(chosen)]
        for axis, zone in enumerate(here, 1):
            seen = lax.slice_in_dim(seen, *zone.cells, axis=axis)
        return conv(
            seen,
            kernels[chosen],
            stride=stride,
            dilation=dilation,
            groups=groups,
            amount=tuple(zone.widths for zone in here),
            bias=bias,
        )

    return outputs(())


def _zones(window: Geometry) -> list[list[Zone]]:
    """For each axis, the outputs at its beginning, inside and at its end."""
    found = []
    for n, k, stride, dilation, (lo, _), count in window.axes():
        reach = span(k, dilation)
        starts = [o * stride - lo for o in range(count)]
        overhang = [(start < 0, start + reach > n) for start in starts]
        if (True, True) in overhang:
            raise ValueError(
                f"an axis of n={n} cells is too short: a window of {reach} cells "
                "overhangs both of its ends, where no kernel of edge_conv is meant for "
                "it. Use larger images, or a smaller kernel."
            )
        zones = []
        for side in ((True, False), (False, False), (False, True)):
            its = [s for s, o in zip(starts, overhang, strict=True) if o == side]
            zones.append(_zone(its, n, reach))
        found.append(zones)
    return found


def _zone(starts: Sequence[int], n: int, reach: int) -> Zone:
    if not starts:
        return Zone(0, (0, 0), (0, 0))
    first, last = starts[0], starts[-1] + reach
    cells = max(first, 0), min(last, n)
    return Zone(len(starts), cells, (cells[0] - first, last - cells[1]))
