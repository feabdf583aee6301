"""Which cells of a padding are never read."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from flax import nnx
from jaxtyping import Int

from ...conv.geometry import Geometry
from ..check import check


class PaddingUse(NamedTuple):
    """What a layer reads of its padding.

    Attributes:
        layer: its name.
        widths: cells that are added before and after, along each space axis.
        used: how many of them some window reads, likewise.
        reads: along each axis, how often each cell of the padded line is read.
    """

    layer: str
    widths: tuple[tuple[int, int], ...]
    used: tuple[tuple[int, int], ...]
    reads: tuple[Int[np.ndarray, " cells"], ...]

    @property
    def even(self) -> bool:
        """Whether both sides of each axis are used alike."""
        return all(before == after for before, after in self.used)


def padding_use(
    model: nnx.Module, input_shape: Sequence[int]
) -> tuple[PaddingUse, ...]:
    """Which cells of its padding each layer reads.

    Where the stride does not divide what a window may move, the last cells are never
    read: a 3x3 window with stride 2 and one cell on both sides reads the one before an
    image of even size, and not the one after. Feature maps lean to one side then.
    Sizes `2^d a + 1` keep d such layers even: `jaxpad.arith.even_sizes`.

    Args:
        model: an nnx model, whose parameters may be shapes alone.
        input_shape: `(batch, *space, channels)`.

    Returns:
        An entry for each call of a convolution or pool, in order; none for a transposed
        convolution, which reads all.

    Example:
        >>> from jaxpad.layers import Conv
        >>> layer = Conv(1, 1, (3,), 2, amount="half", rngs=nnx.Rngs(0))
        >>> use, = padding_use(layer, (1, 8, 1))
        >>> use.widths, use.used, use.even
        (((1, 1),), ((1, 0),), False)
        >>> use.reads[0]
        array([1, 1, 2, 1, 2, 1, 2, 1, 1, 0])

    "Mind the Pad" (Alsallakh et al., 2021) calls this uneven application of padding.
    """
    rows = [row for row in check(model, input_shape).rows if row.unused is not None]
    return tuple(_use(row.path, row.window) for row in rows if row.window is not None)


def _use(path: str, window: Geometry) -> PaddingUse:
    reads, used = [], []
    for axis in window.axes():
        (lo, hi), taps = axis.widths, np.arange(axis.window) * axis.dilation
        cells = (np.arange(axis.outputs) * axis.stride)[:, None] + taps[None, :]
        count = np.bincount(cells.ravel(), minlength=lo + axis.space + hi)
        reads.append(count)
        after = count[len(count) - hi :]
        used.append((int((count[:lo] > 0).sum()), int((after > 0).sum())))
    return PaddingUse(path, window.widths, tuple(used), tuple(reads))
