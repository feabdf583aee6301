"""Slow, plain answers from NumPy and SciPy to hold the fast ones against."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.ndimage


Pairs = Sequence[tuple[int, int]]

# What NumPy and SciPy call our modes. Where NumPy folds a reflection and we refuse the
# width, the widest side is in LIMITS; what NumPy rounds to whole numbers and we
# refuse is in FRACTIONS.
NUMPY_MODES: dict[str, dict[str, Any]] = {
    "zero": {"mode": "constant"},
    "constant": {"mode": "constant"},
    "constant(value=2.0)": {"mode": "constant", "constant_values": 2.0},
    "circular": {"mode": "wrap"},
    "reflect": {"mode": "reflect"},
    "symmetric": {"mode": "symmetric"},
    "replicate": {"mode": "edge"},
    "odd_reflect": {"mode": "reflect", "reflect_type": "odd"},
    "mean": {"mode": "mean"},
    "median": {"mode": "median"},
}
SCIPY_MODES = {
    "zero": "constant",
    "circular": "grid-wrap",
    "reflect": "mirror",
    "symmetric": "reflect",
    "replicate": "nearest",
}
LIMITS: dict[str, Callable[[int], int]] = {
    "reflect": lambda n: n - 1,
    "symmetric": lambda n: n,
    "odd_reflect": lambda n: n - 1,
}
FRACTIONS = ("odd_reflect", "mean", "median")


def numpy_pad(x: np.ndarray, widths: Pairs, mode: str) -> np.ndarray:
    """`np.pad` by our name for the mode."""
    return np.pad(x, list(widths), **NUMPY_MODES[mode])


def amount_widths(amount: Any, i: int, k: int, s: int, d: int) -> tuple[int, int]:
    """Cells before and after one axis, by TensorFlow's and PyTorch's rules."""
    reach = d * (k - 1)
    # TensorFlow's documented rule, written without the number of outputs.
    same = max(reach + 1 - (s if i % s == 0 else i % s), 0)
    named = {
        "same": (same // 2, -(-same // 2)),
        "same_lower": (-(-same // 2), same // 2),
        "valid": (0, 0),
        "full": (reach, reach),
        "half": ((reach + 1) // 2,) * 2,
        "causal": (reach, 0),
    }
    if isinstance(amount, str):
        return named[amount]
    return (amount, amount) if isinstance(amount, int) else amount


def window_starts(size: int, k: int, stride: int, dilation: int) -> range:
    """First cells of the windows that fit into `size` cells."""
    return range(0, size - dilation * (k - 1), stride)


def windows(
    padded: np.ndarray,
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> Any:
    """Yields each output's position and its cells `[batch, *window, channels]`."""
    axes = [
        list(enumerate(window_starts(n, k, s, d)))
        for n, k, s, d in zip(padded.shape[1:-1], window, stride, dilation, strict=True)
    ]
    for corner in itertools.product(*axes):
        cells = [
            slice(start, start + d * (k - 1) + 1, d)
            for (_, start), k, d in zip(corner, window, dilation, strict=True)
        ]
        yield tuple(o for o, _ in corner), padded[(slice(None), *cells)]


def reduce_windows(
    padded: np.ndarray,
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    function: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """`function(cells)` of every window, laid out as `[batch, *out, features]`."""
    found = dict(windows(padded, window, stride, dilation))
    space = [max(position) + 1 for position in zip(*found, strict=True)]
    first = function(next(iter(found.values())))
    y = np.zeros((padded.shape[0], *space, first.shape[-1]))
    for position, cells in found.items():
        y[(slice(None), *position)] = function(cells)
    return y


def correlate(
    padded: np.ndarray,
    kernel: np.ndarray,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int = 1,
) -> np.ndarray:
    """`y[o] = sum_t kernel[t] . padded[o stride + t dilation]` in float64."""
    *window, per_group, out = kernel.shape
    kernel = kernel.astype(np.float64)

    def one(cells: np.ndarray) -> np.ndarray:
        parts = [
            np.tensordot(
                cells[..., g * per_group : (g + 1) * per_group],
                kernel[..., g * (out // groups) : (g + 1) * (out // groups)],
                axes=len(window) + 1,
            )
            for g in range(groups)
        ]
        return np.concatenate(parts, axis=-1)

    return reduce_windows(padded.astype(np.float64), window, stride, dilation, one)


def count_taps(
    space: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    widths: Pairs,
    absent: Sequence[bool] | None = None,
) -> np.ndarray:
    """Taps of each window on cells that exist `[*out]`: a convolution of ones.

    `absent` says for each axis whether its padding cells are missing (default: all).
    """
    there = np.ones((1, *space, 1))
    for axis, pair in enumerate(widths):
        pairs = [(0, 0)] * there.ndim
        pairs[axis + 1] = pair
        value = 0.0 if absent is None or absent[axis] else 1.0
        # A later axis that copies cells copies absent ones too.
        there = np.pad(there, pairs, "edge" if value else "constant")
    ones = np.ones((*window, 1, 1))
    return correlate(there, ones, stride, dilation)[0, ..., 0]


def ratio(count: np.ndarray, window: int, power: float = 1.0) -> np.ndarray:
    """Partial convolution's factor, 0 where a window sees no cell."""
    return np.where(count > 0, (window / np.maximum(count, 1)) ** power, 0.0)


def scipy_correlate(x: np.ndarray, kernel: np.ndarray, mode: str) -> np.ndarray:
    """A convolution of one channel at stride 1, of x's size, by SciPy."""
    return scipy.ndimage.correlate(
        x.astype(np.float64), kernel.astype(np.float64), mode=SCIPY_MODES[mode]
    )


@functools.cache
def receptive_cells(
    size: int, layers: tuple[tuple[int, int, int, int], ...]
) -> list[set[int]]:
    """For each output of a stack, the input positions that it sees, by following sets.

    Positions are those of the unbounded axis, so padding shows as negative ones.
    """
    start, jump_cells = -10 * size, 21 * size
    seen = {p: {p} for p in range(start, start + jump_cells)}
    for k, stride, lo, dilation in layers:
        wanted = {p: [p * stride - lo + t * dilation for t in range(k)] for p in seen}
        seen = {
            p: set().union(*(seen[q] for q in cells))
            for p, cells in wanted.items()
            if all(q in seen for q in cells)
        }
    return [seen[p] for p in range(size) if p in seen]


def folded_faces(corners: np.ndarray, n: int, width: int) -> np.ndarray:
    """Cell centres of the faces of a solid, folded over its edges, times 2 n.

    Faces are parallelograms, `corners` [faces, 3, 3] where (row 0, column 0),
    (row 0, column n) and (row n, column 0) lie in space. Beyond an edge the cells go on
    along the other face that has it. Beyond a corner of three faces, the mean of
    both ways on the diagonal, else the cell of the way that is longer.
    """
    origin, right, below = np.moveaxis(corners, 1, 0)
    squares = np.stack([origin, right, right + below - origin, below], 1)
    return np.array([_folded_face(squares, f, n, width) for f in range(len(squares))])


def _folded_face(squares: np.ndarray, face: int, n: int, width: int) -> np.ndarray:
    size = n + 2 * width
    found = np.zeros((size, size, 3))
    for row, column in itertools.product(range(size), repeat=2):
        y, x = (2 * (i - width) + 1 for i in (row, column))
        # The corner that is nearest, and the ways from it along and beyond its edges.
        corner = {(0, 0): 0, (0, 1): 1, (1, 1): 2, (1, 0): 3}[y > n, x > n]
        v, p, q = (squares[face, (corner + k) % 4] for k in (0, 1, 3))
        if corner % 2:
            p, q = q, p  # p along the row, q along the column
        along_p, along_q = (min(i, 2 * n - i) for i in (x, y))
        found[row, column] = _walk(squares, face, v, (p, q), (along_p, along_q), n)
    return found


def _walk(
    squares: np.ndarray, face: int, v: np.ndarray, ends: Any, along: Any, n: int
) -> np.ndarray:
    """From corner v so far along its two edges; negative is beyond the other edge."""
    (p, q), (a, b) = ends, along
    if a > 0 and b > 0:
        return 2 * n * v + a * (p - v) + b * (q - v)
    if a < 0 < b:
        _, r = _over(squares, face, v, q)
        return 2 * n * v - a * (r - v) + b * (q - v)
    if b < 0 < a:
        return _walk(squares, face, v, (q, p), (b, a), n)
    beyond_q, r = _over(squares, face, v, q)
    beyond_p, s = _over(squares, face, v, p)
    third, _ = _over(squares, beyond_q, v, r)
    if third != beyond_p:  # four faces: v to s is the last edge
        return 2 * n * v - a * (r - v) - b * (s - v)
    if a == b:
        ways = [-a * (r - v) + 1 * (end - v) for end in (p, q)]
        return 2 * n * v + sum(ways) / 2
    end, deep, other = (q, -a, -b) if a < b else (p, -b, -a)
    return 2 * n * v + deep * (r - v) + (deep - other - 1) * (end - v)


def _over(
    squares: np.ndarray, face: int, v: np.ndarray, end: np.ndarray
) -> tuple[int, np.ndarray]:
    """The other face with the edge from v to `end`, and the end of its other edge."""
    for other, square in enumerate(squares):
        at = [k for k in range(4) if np.array_equal(square[k], v)]
        beside = [square[(k + step) % 4] for k in at for step in (1, 3)]
        match = [np.array_equal(b, end) for b in beside]
        if other != face and any(match):
            return other, beside[1 - match.index(True)]
    raise AssertionError("the faces do not close")
