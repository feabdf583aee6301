"""Which taps of two windows meet, along one axis, and how often.

Of a convolution `K` the product `K K^T` has a block for each pair of outputs,

    sum_{t, t'} q[t, t'] kernel[t]^T kernel[t'],    q = sum_c w(o, t, c) w(o', t', c),

where `w(o, t, c)` is how much of cell `c` output `o` reads through tap `t`: padding,
stride, dilation and partial convolution's ratio are all in there. Over several axes `q`
is a product. Far from the border only `o - o'` matters, and near it only where on the
border one is, so there are few different `q`, and a large image has no more of them
than a small one. Counting them is work for whole numbers, done while tracing.
"""

import collections
import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arith import tap_counts
from ..conv.geometry import Axis, zero_sides
from ..padding import per_axis_modes, reweight_ratio, terms_of
from ..spectral import Operator, acts_on_axes
from ..spectral.bound import SEPARABLE


# (output, tap, cell, weight)
Reading = tuple[int, int, int, float]


class Patterns(NamedTuple):
    """The different pairs along one axis.

    Attributes:
        weights: `[patterns, taps, taps]`, the `q` of each.
        same: `[patterns]`, whether it belongs to pairs of one output and itself.
        pairs: `[patterns]`, how many pairs have it.
    """

    weights: np.ndarray
    same: np.ndarray
    pairs: np.ndarray


def patterns(operator: Operator, *, columns: bool) -> list[Patterns] | None:
    """The patterns of each axis; of pairs of cells if `columns`, for `K^T K`.

    The first axis has each pair once and counts it twice: (o', o) is (o, o')
    transposed. None for a mode or a reweighting that does not act axis by axis.
    """
    window, padding = operator.window, operator.padding
    if padding.reweight not in SEPARABLE or not acts_on_axes(operator):
        return None
    modes, found = per_axis_modes(padding.mode, len(window.space)), []
    sides = zero_sides(window, padding)
    for axis, pair, absent in zip(window.axes(), modes, sides, strict=True):
        missing = absent if padding.reweight else None
        found.append(
            _of_axis(axis, pair, padding.reweight, missing, columns, not found)
        )
    return found


@functools.lru_cache(maxsize=256)
def _of_axis(
    axis: Axis, modes: Any, reweight: Any, absent: Any, columns: bool, once: bool
) -> Patterns:
    def kinds(axis: Axis) -> dict[Any, list[Any]]:
        readings = list(_readings(axis, modes, _ratio(axis, reweight, absent)))
        return _kinds(axis, readings, columns, once)

    small = _smaller(axis, modes)
    if small is None:
        return Patterns(*map(np.asarray, zip(*kinds(axis).values(), strict=True)))
    found, longer = kinds(small), kinds(_grown(small, 1))
    strides = (axis.space - small.space) // axis.stride
    for key, kind in found.items():
        kind[2] += strides * (longer[key][2] - kind[2])
    return Patterns(*map(np.asarray, zip(*found.values(), strict=True)))


def _smaller(axis: Axis, modes: Any) -> Axis | None:
    """The same window on a shorter axis, from which counts can be extrapolated.

    What happens at a border stays within its reach: the depth at which padding reads
    real cells, and two windows. On an axis that has room for both borders, one stride
    more adds pairs of the middle alone. None if the axis is short, or if the mode
    reads other cells on a shorter one, as a mean over the axis does.
    """
    n, border = axis.space, _border(axis, modes)
    depths = (min(c % n, -c % n) for terms in border for _, c in terms)
    span = axis.dilation * (axis.window - 1) + 1
    least = 2 * (max(depths, default=0) + 2 * span + axis.stride)
    small = _grown(axis, (least - n) // axis.stride)
    if small.space + axis.stride >= n or _border(small, modes) != border:
        return None
    return small


def _grown(axis: Axis, strides: int) -> Axis:
    space = axis.space + strides * axis.stride
    return axis._replace(space=space, outputs=axis.outputs + strides)


def _border(axis: Axis, modes: Any) -> list[Any]:
    """What each padding cell reads; cells of the far half count from the end."""
    n = axis.space
    before, after = _padded(axis, modes)
    return [
        [(weight, c if 2 * c < n else c - n) for weight, c in terms]
        for terms in before + after
    ]


def _kinds(
    axis: Axis, readings: Sequence[Reading], columns: bool, once: bool
) -> dict[Any, list[Any]]:
    """Each pattern with whether it is of one output and itself, and its count."""
    pairs = _pairs(readings, axis.window, columns)
    for o in range(axis.space if columns else axis.outputs):
        pairs[o, o]  # what reads nothing is there too, with zeros
    kinds: dict[Any, list[Any]] = {}
    for (o, other), weights in pairs.items():
        if once and other < o:
            continue
        # Sums of equal numbers in another order differ in the last digits.
        key = (o == other, weights.round(12).tobytes())
        kinds.setdefault(key, [weights, o == other, 0])[2] += 1 + (once and o != other)
    return kinds


def _ratio(axis: Axis, reweight: Any, absent: Any) -> np.ndarray:
    """Partial convolution's factor of each output along one axis."""
    if reweight is None:
        return np.ones(axis.outputs)
    counts = tap_counts(
        axis.space, axis.window, axis.stride, axis.widths, axis.dilation, absent=absent
    )
    return reweight_ratio([counts], [axis.window], reweight)


def _readings(axis: Axis, modes: Any, ratio: np.ndarray) -> Iterable[Reading]:
    before, after = _padded(axis, modes)
    cells = [*before, *([(1, c)] for c in range(axis.space)), *after]
    for o, t in itertools.product(range(axis.outputs), range(axis.window)):
        for weight, cell in cells[o * axis.stride + t * axis.dilation]:
            yield o, t, cell, float(weight * ratio[o])


def _padded(axis: Axis, modes: Any) -> tuple[list[Any], list[Any]]:
    """The (weight, real cell) pairs of each padding cell, before and after."""
    n, (lo, hi) = axis.space, axis.widths
    before, after = map(terms_of, modes)
    assert before is not None
    assert after is not None
    return (
        [terms for terms, _ in before(n, range(-lo, 0))],
        [terms for terms, _ in after(n, range(n, n + hi))],
    )


def _pairs(
    readings: Sequence[Reading], taps: int, columns: bool
) -> dict[tuple[int, int], np.ndarray]:
    """The `q` of all outputs that share a cell, or cells that share an output."""
    shared = collections.defaultdict(list)
    for o, t, cell, weight in readings:
        shared[o if columns else cell].append((cell if columns else o, t, weight))
    pairs = collections.defaultdict(lambda: np.zeros((taps, taps)))
    for items in shared.values():
        for (o, t, v), (other, u, w) in itertools.product(items, items):
            pairs[o, other][t, u] += v * w
    return pairs
