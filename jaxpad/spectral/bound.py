"""How much a convolution can lengthen an image: a bound, its factors and its proof.

A convolution is a Toeplitz matrix applied to the padded image. The Toeplitz part of an
image is a piece of the one on the whole lattice, whose norm is the largest frequency
response; what padding and partial convolution's ratio can add is at most a factor for
each axis. A circular axis that closes is a torus, and has no such factor.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..conv.geometry import Axis, geometry, missing_ratio, per_axis
from ..padding import (
    MODES,
    Padding,
    as_padding,
    mode_name,
    per_axis_amounts,
    per_axis_modes,
    terms_of,
)
from ..typing import Array
from .operator import Operator, read_kernel
from .transfer import responses


# Frequencies for each degree of a polynomial, by the number of axes: 0.2%, 1% and 4%
# an axis are added to what is found between them.
OVERSAMPLING = {1: 32, 2: 16, 3: 8}
# Reweightings of a product of counts that are the product of the reweightings.
SEPARABLE = (None, "partial", "partial_sqrt")


def largest(blocks: Array) -> Array:
    """The largest norm of some matrices, rounded up by what rounding can lose."""
    wide = blocks.shape[-2] <= blocks.shape[-1]
    blocks = blocks if wide else jnp.swapaxes(blocks, -1, -2)
    # Of size 1, or squares could be too large or too small for their type.
    scale = lax.stop_gradient(jnp.abs(blocks).max())
    scale = jnp.where(scale > 0, scale, 1)
    blocks = blocks / scale.astype(blocks.dtype)
    # For the largest value nothing is lost by squaring, and it is much quicker.
    square = jnp.matmul(
        blocks, jnp.swapaxes(blocks, -1, -2).conj(), precision="highest"
    )
    found = jnp.linalg.eigvalsh(square).max()
    # The root has no derivative at 0; there it is taken as 0.
    root = jnp.sqrt(jnp.where(found > 0, found, 1))
    found = scale * jnp.where(found > 0, root, 0)
    return found * (1 + 4 * sum(blocks.shape[-2:]) * float(jnp.finfo(found.dtype).eps))


def bound(operator: Operator) -> Array:
    """The bound for images of one size.

    Raises:
        ValueError: for a mode that does not act axis by axis.
    """
    kernel, window, padding, groups = operator
    modes = _modes(padding, len(window.space))
    factors = map(_pad_norm, window.axes(), modes)
    ratio = missing_ratio(window, padding)
    highest = 1.0 if ratio is None else float(ratio.max())
    lattice = _lattice(kernel, window.stride, window.dilation, groups)
    return lattice * (math.prod(factors) * highest)


def frequencies(operator: Operator) -> int:
    """How many matrices the bound takes the norm of."""
    window = operator.window
    degrees = _degrees(window.window, window.stride, window.dilation)
    return math.prod(_points(degrees)) // 2 + 1


def rounding(kernel: Array) -> Array:
    """What adding taps that nearly cancel can lose: an absolute number."""
    size = jnp.abs(lax.stop_gradient(kernel))
    rows = size.sum(range(size.ndim - 1)).max()
    columns = size.sum((*range(size.ndim - 2), -1)).max()
    # Two roots, as the product may be too large for its type.
    return 8 * float(jnp.finfo(size.dtype).eps) * jnp.sqrt(rows) * jnp.sqrt(columns)


def bound_for_every_size(
    kernel: Any, *, stride: Any, dilation: Any, groups: Any, padding: Any, amount: Any
) -> Array:
    """The bound for every size that `norm` means by None.

    Raises:
        ValueError: for a mode or a reweighting that does not act axis by axis, or a
            mode that can pad no size.
    """
    kernel, groups = read_kernel("norm", kernel, groups)
    rank, padding = kernel.ndim - 2, as_padding(padding)
    if padding.reweight not in SEPARABLE:
        raise ValueError(
            f"norm: reweight={mode_name(padding.reweight)} has no bound for every "
            "size; give one, as in norm(kernel, 32, ...)."
        )
    amount = amount if padding.amount is None else padding.amount
    strides = per_axis("stride", stride, rank)
    dilations = per_axis("dilation", dilation, rank)
    axes = zip(
        kernel.shape,
        strides,
        per_axis_amounts(amount, rank),
        dilations,
        _modes(padding, rank),
        strict=False,
    )
    factor = math.prod(_worst(*axis, padding.reweight) for axis in axes)
    return _lattice(kernel, strides, dilations, groups) * factor


def _modes(padding: Padding, rank: int) -> list[tuple[Any, Any]]:
    modes = per_axis_modes(padding.mode, rank)
    if any(terms_of(mode) is None for pair in modes for mode in pair):
        raise ValueError(
            f"norm: padding mode {mode_name(padding.mode)} does not act axis by axis, "
            "so there is no bound; an exact norm needs a size, and one that is small."
        )
    return modes


def _worst(k: int, s: int, amount: Any, d: int, modes: Any, reweight: Any) -> float:
    """The largest factor of an axis; beyond a few windows it does not change."""
    span, factors = d * (k - 1) + 1, []
    padding = Padding((modes,), reweight=reweight)
    amounts = amount if isinstance(amount, str) else (amount,)
    added = 0 if isinstance(amount, str) else sum(amount)
    for size in range(math.ceil((2 * span - 1) / s) * s, 4 * (span + s + added), s):
        window = geometry((size,), (k,), s, d, amounts)
        try:
            longer = _pad_norm(window.axes()[0], modes)
        except ValueError:  # the mode cannot pad this size
            continue
        ratio = missing_ratio(window, padding)
        factors.append(longer * (1.0 if ratio is None else float(ratio.max())))
    if not factors:
        raise ValueError(
            f"norm: padding mode {mode_name(modes)} cannot fill amount={amount!r} at "
            "any size that was tried, so there is no bound for every size; give "
            "one, as in norm(kernel, 32, ...)."
        )
    return max(factors)


def _lattice(
    kernel: Array, stride: Sequence[int], dilation: Sequence[int], groups: int
) -> Array:
    """At least the largest response over all frequencies.

    With `v` fixed, `v^H T T^H v` is a trigonometric polynomial of degree `m`, which
    has a point of a grid of `N` within `cos(m pi / N)` of its maximum. Only taps whose
    distance is a multiple of `S' = S / gcd(S, D)` meet, as if the dilation were 1.
    """
    strides = [s // math.gcd(s, d) for s, d in zip(stride, dilation, strict=True)]
    degrees = _degrees(kernel.shape[:-2], stride, dilation)
    points = _points(degrees)
    angles = [2 * np.pi * np.arange(n) / n for n in points]
    # A real kernel's other half of the frequencies are conjugates of these.
    angles[-1] = angles[-1][: points[-1] // 2 + 1]
    between = [math.cos(math.pi * m / n) for m, n in zip(degrees, points, strict=True)]
    blocks = responses(kernel, angles, stride=strides, groups=groups)
    return largest(blocks) / math.sqrt(math.prod(between))


def _degrees(
    window: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[int]:
    return [
        (k - 1) // (s // math.gcd(s, d))
        for k, s, d in zip(window, stride, dilation, strict=True)
    ]


def _points(degrees: Sequence[int]) -> list[int]:
    return [max(OVERSAMPLING[len(degrees)] * m, 1) for m in degrees]


def _pad_norm(axis: Axis, modes: tuple[Any, Any]) -> float:
    """The norm of the map that pads one axis; 1 for a torus.

    It repeats the axis and adds cells, `P^T P = I + B^T B`.
    """
    around = modes == (MODES["circular"],) * 2
    if around and axis.outputs * axis.stride == axis.space:
        return 1.0
    n, (lo, hi) = axis.space, axis.widths
    before, after = map(terms_of, modes)
    assert before is not None
    assert after is not None
    added = [*before(n, range(-lo, 0)), *after(n, range(n, n + hi))]
    matrix = np.zeros((len(added), n))
    for row, (terms, _) in zip(matrix, added, strict=True):
        for weight, cell in terms:
            row[cell] += weight
    return math.sqrt(1 + float(np.linalg.norm(matrix, 2)) ** 2) if added else 1.0
