"""Modes whose padding cells are weighted sums of real ones."""

from .catalogue import MODES, check_whole
from .rules import affine


@MODES.register
@affine
def odd_reflect(i, n):
    """2a-d 2a-c 2a-b|abcd|2d-c 2d-b 2d-a

    Mirrors about the outermost cell in place and in value: a slope goes on as a
    slope, so signals with a trend keep it. At most n - 1 wide. Also called reflect
    with reflect_type="odd" (NumPy), and the odd extension of SciPy's filtfilt.
    """
    edge = 0 if i < 0 else n - 1
    return [(2, edge), (-1, 2 * edge - i)], 0


@MODES.register
@affine
def linear(i, n):
    """4a-3b 3a-2b 2a-b|abcd|2d-c 3d-2c 4d-3c

    Continues the slope of the two outermost cells: right for smooth fields sampled
    finely, and it amplifies noise. Takes any width; needs n of 2 or more.
    """
    if n < 2:
        raise ValueError(
            "linear continues the slope of two cells, but an axis has n=1: use "
            'mode="replicate" there, which needs one.'
        )
    edge, inward, steps = (0, 1, -i) if i < 0 else (n - 1, n - 2, i - n + 1)
    return [(1 + steps, edge), (-steps, inward)], 0


@MODES.register
@affine
def mean(i, n, *, cells=None):
    """mmm|abcd|mmm

    The mean of the axis, m = (a+b+c+d)/4, or of its outermost `cells`: neutral where
    the level of a line is known and its border is not. NumPy's mean, where `cells`
    is stat_length.
    """
    if cells is not None:
        check_whole("mean", "cells", cells)
    count = n if cells is None else min(cells, n)
    if count < 1:
        raise ValueError(f"cells={cells}: expected at least 1, or None for all.")
    first = 0 if i < 0 else n - count
    return [(1 / count, range(first, first + count))], 0
