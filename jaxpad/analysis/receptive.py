"""Receptive fields and padding fractions of any function of images, by tracing it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..arith import ReceptiveField
from .sight import Axis, Sight
from .trace import look
from .windows import Pattern, shortest


def receptive_field(
    function: Callable[..., Any], input_shape: Sequence[int]
) -> tuple[ReceptiveField, ...]:
    """Size, stride and padding of a function's receptive field, along each space axis.

    Output `f` sees input cells from `-padding + f stride` to
    `-padding + f stride + size - 1`. The numbers are those of an image without end:
    the field may be larger than the image, and what a mode puts around the image
    does not change it. Where outputs see fields of several sizes, as after
    upsampling, it is the smallest field that holds each of them.

    Args:
        function: of images `[batch, *space, channels]`, or an nnx model, which is
            taken in evaluation mode, whatever the strategy of its convolutions. It
            is traced, and not run: parameters may be shapes alone
            (`nnx.eval_shape`).
        input_shape: `(batch, *space, channels)`.

    Returns:
        One `ReceptiveField` per space axis. An output without that axis, such as
        class scores, sees all of it: `(size=n, stride=0, padding=0)`. So do outputs
        behind a mean over space, an attention, or a group norm.

    Raises:
        ValueError: if the function has an operation through which one cannot see (it
            is named), if it returns more than one array, if the outputs do not see
            the image at one stride of whole cells, or if they do not see it at all.
        TypeError: for a shape that is not one of whole numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> import jaxpad
        >>> def stem(x):
        ...     kernel = jnp.ones((7, 7, 3, 1))
        ...     return jaxpad.conv(x, kernel, stride=2, amount="half")
        >>> receptive_field(stem, (1, 224, 224, 3))[0]
        ReceptiveField(size=7, stride=2, padding=3)

    "Computing receptive fields of convolutional neural networks" (Araujo, Norris and
    Sim, 2019) has the numbers for stacks of layers.
    """
    sight = _clear_sight(function, input_shape)
    return fields_of(sight, tuple(input_shape)[1:-1])


def receptive_cells(
    function: Callable[..., Any], input_shape: Sequence[int]
) -> list[Int[np.ndarray, "outputs 2"]]:
    """The first and the last input cell that each output sees, along each space axis.

    Cells of the image alone: what a mode copies into the padding counts as the cells
    it was copied from, so under circular the first output of a 3x3 convolution sees
    from 0 to n - 1. What an output depends on lies within these intervals; an
    operation through which one cannot see counts as seeing everything. A column's
    interval is that of all outputs in the column: where padding is computed from its
    neighbours, as in learned_extrapolation, the first rows make it wider.

    Args:
        function, input_shape: as `receptive_field`.

    Returns:
        For each space axis `[outputs, 2]`, with one row if all outputs see the same,
        and the first larger than the last where an output sees only padding.

    Raises:
        ValueError: if the output does not depend on the image.

    Example:
        >>> import jaxpad
        >>> def pool(x):
        ...     return jaxpad.max_pool(x, (3,), stride=2, amount=1)
        >>> receptive_cells(pool, (1, 6, 1))[0].tolist()
        [[0, 1], [1, 3], [3, 5]]
    """
    sight = _sight(function, input_shape)
    return [np.stack([axis.lo, axis.hi], 1) for axis in sight.axes]


def padding_fraction(
    function: Callable[..., Any], input_shape: Sequence[int]
) -> Float[np.ndarray, "*out_space"]:
    """The part of each output that comes from padding and not from the image.

    Taken where every window averages its taps, whatever its weights: an image cell
    has 0, a padding cell 1, an output the mean over its window, and a sum of several
    branches the mean over the branches. Cells that a mode copies into the padding
    are padding too, and so is what a transposed convolution's mode adds onto its
    output: each sum counts as much as the output's own. A padding cell that cannot
    win a maximum is left out, and so are the cells that input dilation puts between
    the image's.

    It is 0 where an output does not change with what is in the padding. It says
    nothing of weights: real networks give the center of their field more weight.

    Args:
        function, input_shape: as `receptive_field`.

    Returns:
        float64 `[*out_space]`, from 0 to 1; an axis without which the output is, has
        one entry.

    Raises:
        ValueError: if the output does not depend on the image, or through an
            operation through which one cannot see.

    Example:
        >>> import jax.numpy as jnp
        >>> import jaxpad
        >>> def conv(x):
        ...     return jaxpad.conv(x, jnp.ones((3, 1, 1)))
        >>> padding_fraction(conv, (1, 5, 1)).round(2)
        array([0.33, 0.  , 0.  , 0.  , 0.33])
    """
    return fraction_of(_clear_sight(function, input_shape))


def fraction_of(sight: Sight) -> np.ndarray:
    """The part that is padding of what an array sees; NaN if that is not known."""
    if sight.unknown:
        return np.full(sight.real.shape, np.nan)
    # A mean of ones differs from one by rounding.
    return np.clip(np.round(1 - sight.real, 12), 0, 1) * sight.present


def _clear_sight(function: Callable[..., Any], input_shape: Sequence[int]) -> Sight:
    sight = _sight(function, input_shape)
    if sight.unknown:
        raise ValueError(
            f"cannot see through {sorted(sight.unknown)}: what it reads of the image "
            "is not known. Give the part of the function before it, or write it with "
            "slices, concatenation, convolutions or windows."
        )
    return sight


def _sight(function: Callable[..., Any], input_shape: Sequence[int]) -> Sight:
    sight, shape, _ = look(function, input_shape)
    if sight is None:
        raise ValueError(
            f"the output of shape {shape} does not depend on the image: is it a "
            "constant, or made from a Python number?"
        )
    return sight


def fields_of(sight: Sight, space: Sequence[int]) -> tuple[ReceptiveField, ...]:
    """The receptive field along each axis of an image of `space` cells."""
    pairs = enumerate(zip(sight.axes, space, strict=True))
    return tuple(field_of(axis, n, number) for number, (axis, n) in pairs)


def field_of(axis: Axis, n: int, number: int) -> ReceptiveField:
    """The receptive field along one axis of `n` cells, the image's `number`-th."""
    if not len(axis.lo):
        raise ValueError(f"the output has no cells along space axis {number}.")
    if np.ptp(axis.lo) == np.ptp(axis.hi) == 0 and axis.pattern is None:
        return ReceptiveField(int(axis.hi[0] - axis.lo[0]) + 1, 0, -int(axis.lo[0]))
    pattern = axis.pattern or _fitted(axis, n)
    if pattern is None or pattern.shift % len(pattern.lo):
        raise ValueError(
            f"along space axis {number} the outputs do not see the image at one stride "
            "of whole cells: `jaxpad.analysis.receptive_cells` tells what each of them "
            "sees. If the input is smaller than a field, try a larger one."
        )
    stride, seen = pattern.shift // len(pattern.lo), pattern.lo <= pattern.hi
    if not seen.any():
        raise ValueError(f"along space axis {number} the output sees only padding.")
    phase = np.arange(len(pattern.lo)) * stride
    first = int((pattern.lo - phase)[seen].min())
    last = int((pattern.hi - phase)[seen].max())
    return ReceptiveField(last - first + 1, stride, -first)


def _fitted(axis: Axis, n: int) -> Pattern | None:
    """A rule read off the outputs whose field lies inside the image."""
    (inside,) = np.nonzero((axis.lo > 0) & (axis.hi < n - 1) & (axis.lo <= axis.hi))
    if len(inside) < 3 or np.any(np.diff(inside) != 1):
        return None
    lo, hi = axis.lo[inside], axis.hi[inside]
    # Twice the phases, or the rule is one that nothing speaks against.
    for phases in range(1, len(lo) // 2 + 1):
        shift = int(lo[phases] - lo[0])
        if all(np.all(x[phases:] - x[:-phases] == shift) for x in (lo, hi)):
            start = -int(inside[0])
            found = Pattern(lo[:phases], hi[:phases], shift)
            return shortest(Pattern(*found.at(np.arange(phases) + start), shift))
    return None
