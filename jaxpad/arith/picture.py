"""What a drawing shows of one axis: cells in a row, and the windows over them."""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .amounts import check_positive, side_widths, span
from .sizes import conv_output_size, transposed_output_size


Number = int | float
# The real cells that added cell i of an axis of n cells is the sum of, each after
# its weight.
Source = Callable[[int, int], Sequence[tuple[Number, int]]]


class Track(NamedTuple):
    """One axis of a drawing; a position is a place in it, counted from 0.

    Attributes:
        cells: for each position the number of the input's cell; None if added.
        copies: for each position the input's cells that its value comes from, each
            after its weight.
        windows: for each output the positions of its taps.
    """

    cells: tuple[int | None, ...]
    copies: tuple[tuple[tuple[Number, int], ...], ...]
    windows: tuple[tuple[int, ...], ...]

    @property
    def read(self) -> frozenset[int]:
        """Positions that some window reads."""
        return frozenset().union(*self.windows)


# The rows of a drawing that has one axis only.
ONE_CELL = Track((0,), (((1, 0),),), ((0,),))


def sources(
    rows: Track, columns: Track, y: int, x: int
) -> list[tuple[Number, tuple[int, int]]]:
    """The real cells, after their weights, of row `y`, column `x` of a plane."""
    pairs = itertools.product(rows.copies[y], columns.copies[x])
    return [(v * w, (row, column)) for (v, row), (w, column) in pairs]


def conv_track(
    i: int,
    k: int,
    stride: int = 1,
    padding: str | int | tuple[int, int] = 0,
    dilation: int = 1,
    *,
    ceil_mode: bool = False,
    source: Source = lambda i, n: (),
) -> Track:
    """The axis of a convolution or a pooling.

    Args:
        i, k, stride, padding, dilation, ceil_mode: as `conv_output_size`.
        source: what an added cell is the sum of, as `(weight, cell)`; by default of
            nothing.

    Returns:
        A `Track`. What a last window in ceil mode reads beyond it is left out.

    Raises:
        ValueError: if no window fits, or `source` names a cell that is not there.

    Example:
        >>> conv_track(3, 3, padding=1).windows
        ((0, 1, 2), (1, 2, 3), (2, 3, 4))
    """
    check_positive(i=i)
    outputs = conv_output_size(i, k, stride, padding, dilation, ceil_mode=ceil_mode)
    lo, hi = side_widths(padding, i, k, stride, dilation)
    copies = tuple(
        ((1, c),) if 0 <= c < i else tuple((w, cell) for w, cell in source(c, i))
        for c in range(-lo, i + hi)
    )
    if wrong := {c for terms in copies for _, c in terms if not 0 <= c < i}:
        raise ValueError(
            f"widths ({lo}, {hi}) are too wide for this mode: they would copy cells "
            f"{sorted(wrong)} of an axis of i={i}. Use a smaller padding."
        )
    cells = tuple(c if 0 <= c < i else None for c in range(-lo, i + hi))
    return Track(cells, copies, _windows(outputs, k, stride, dilation, 0, len(cells)))


def transposed_track(
    i: int,
    k: int,
    stride: int = 1,
    padding: str | int | tuple[int, int] = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> Track:
    """The axis of a transposed convolution, as the convolution that computes it.

    `stride - 1` zeros stand between the input's cells, `k' - 1 - lo` before them and
    `k' - 1 - hi + output_padding` after; the window goes over them one by one.

    Args:
        i, k, stride, padding, output_padding, dilation: as `transposed_output_size`.

    Returns:
        A `Track`. With more padding than `k' - 1` windows start inside.

    Example:
        >>> transposed_track(2, 3, stride=2).cells
        (None, None, 0, None, 1, None, None)
    """
    outputs = transposed_output_size(i, k, stride, padding, output_padding, dilation)
    stretched = (i - 1) * stride + 1
    # What the convolution adds to the output of this one.
    lo, _ = side_widths(padding, outputs, k, stride, dilation)
    reach = span(k, dilation) - 1
    start = reach - lo
    before, after = max(start, 0), max(outputs + reach - start - stretched, 0)
    cells = tuple(
        c // stride if 0 <= c < stretched and c % stride == 0 else None
        for c in range(-before, stretched + after)
    )
    copies = tuple(() if c is None else ((1, c),) for c in cells)
    offset = before - start
    return Track(cells, copies, _windows(outputs, k, 1, dilation, offset, len(cells)))


def _windows(
    outputs: int, k: int, stride: int, dilation: int, offset: int, size: int
) -> tuple[tuple[int, ...], ...]:
    starts = range(offset, offset + outputs * stride, stride)
    return tuple(
        tuple(p for p in range(s, s + dilation * (k - 1) + 1, dilation) if p < size)
        for s in starts
    )
