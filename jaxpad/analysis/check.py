"""`check`: what a model does at its borders, layer by layer, with advice."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from flax import nnx

from ..arith import span
from ..conv.geometry import Geometry
from ..layers import ConvTranspose
from ..padding import Padding
from .advice import advice
from .layers import (
    Call,
    as_jaxpad,
    bordered,
    calls,
    followed,
    window_of,
    with_zeros,
)
from .receptive import field_of, fraction_of
from .sight import Sight
from .table import table
from .trace import image_shape, look


class Row(NamedTuple):
    """One call of a layer with a border.

    Attributes:
        path: of the layer in the model.
        kind: its class.
        input: cells of its input along each space axis.
        output: cells of its output.
        padding: its padding; None for a convolution that jaxpad has not.
        window: its window, stride, dilation and widths, one entry per axis; None for
            a layer that is no convolution or pool. That of a transposed convolution
            slides over its output.
        unused: trailing cells of the padded input that no window reaches, per axis;
            None also for a transposed convolution, which reads all.
        field: size of the receptive field against the image, per axis; None where
            outputs do not see it at one stride, or not at all.
        touched: share of its outputs whose window meets padding; of a transposed
            convolution also those onto which its mode adds what lands beyond them.
        taps: mean share of the window that is padding. What is added there counts as
            padding, each sum as much as the output's own. Both are NaN for a layer
            that cannot be called alone, such as a stack for `nnx.scan`, and where
            they are not known, as of a transposed convolution on the cube sphere.
        problem: why its mode could not fill its border; the other columns are those
            of zeros.
    """

    path: str
    kind: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    padding: Padding | None
    window: Geometry | None
    unused: tuple[int, ...] | None
    field: tuple[int, ...] | None
    touched: float
    taps: float
    problem: str | None


@dataclasses.dataclass(frozen=True)
class Report:
    """What `jaxpad.check` found; `print` it.

    Attributes:
        input_shape: that of the images.
        rows: one per call of a layer with a border, in order.
        warnings: in words, each with what to do.
        fraction: the mean part of the model's output that comes from padding, as in
            `jaxpad.analysis.padding_fraction`; NaN where that is not known.
    """

    input_shape: tuple[int, ...]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    fraction: float

    def __str__(self) -> str:
        return table(self)


def check(model: Any, input_shape: Sequence[int]) -> Report:
    """What each layer of a model does at its border, and what to do about it.

    Lists every convolution of flax and every layer of jaxpad that is called: sizes,
    mode and amount, trailing cells that no window reads, the receptive field so far,
    and how much of the outputs sees padding. Functions that the model calls, such as
    `jaxpad.max_pool` and `nnx.max_pool`, are not listed, but count in the fields that
    follow and in the fraction. The model is traced in evaluation mode and
    not run, so its parameters may be shapes alone (`nnx.eval_shape`).

    Args:
        model: any nnx model that is called with images alone.
        input_shape: `(batch, *space, channels)`.

    Returns:
        A `Report`: `print(report)`, or read its `rows` and `warnings`.

    Raises:
        TypeError: for something other than a model, or a shape that is none.
        ValueError: if the model cannot be called with such images, or returns more
            than one array.

    Example:
        >>> from jaxpad.layers import Conv
        >>> layer = Conv(3, 8, (7, 7), 2, amount="half", rngs=nnx.Rngs(0))
        >>> check(layer, (1, 224, 224, 3)).rows[0].unused
        (1, 1)
        >>> check(layer, (1, 225, 225, 3)).warnings
        ()
    """
    if not isinstance(model, nnx.Module):
        raise TypeError(
            f"check lists the layers of an nnx model, but {type(model).__name__} came. "
            "For functions there is jaxpad.analysis.receptive_field."
        )
    shape = image_shape(input_shape)
    layers, (found, sight) = bordered(model), calls(model, shape)
    rows = tuple(_row(call, layers[call.path], shape) for call in found)
    unknown = frozenset() if sight is None else sight.unknown
    fraction = 0.0 if sight is None else float(fraction_of(sight).mean())
    return Report(shape, rows, tuple(advice(rows, shape, unknown)), fraction)


def _row(call: Call, layer: Any, image: tuple[int, ...]) -> Row:
    ours = as_jaxpad(layer)
    window = window_of(ours, call.input, call.output)
    reads = None if isinstance(ours, ConvTranspose) else window
    rank = len(call.input) - 2 if window is None else len(window.space)
    space, out = call.input[-1 - rank : -1], call.output[-1 - rank : -1]
    alone = with_zeros(layer) if call.problem else followed(layer)
    # Of the call's own batch, which on a sphere holds the faces.
    batch = math.prod(call.input[: -1 - rank])
    part = _alone(alone, (batch, *space, call.input[-1]))
    return Row(
        call.path or type(layer).__name__,
        type(layer).__name__,
        space,
        out,
        None if ours is None else ours.padding,
        window,
        None if reads is None else unused(reads),
        _field(call.sight, image[1:-1]),
        float(np.where(np.isnan(part), part, part > 0).mean()),
        float(part.mean()),
        call.problem,
    )


def _alone(layer: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The part of a layer's outputs that is padding, whatever came before it."""
    try:
        seen, _, _ = look(layer, shape)
    except (
        TypeError,
        ValueError,
    ):  # parameters of a stack, or more inputs
        return np.full(1, np.nan)
    return np.zeros(1) if seen is None else fraction_of(seen)


def unused(window: Geometry) -> tuple[int, ...]:
    """Trailing cells of the padded input that no window reaches."""
    return tuple(
        (i + lo + hi - span(k, d)) % s
        for i, k, s, d, (lo, hi), _ in zip(*window, strict=True)
    )


def _field(sight: Sight | None, space: Sequence[int]) -> tuple[int, ...] | None:
    if sight is None:
        return None
    try:
        pairs = enumerate(zip(sight.axes, space, strict=True))
        return tuple(field_of(axis, n, number).size for number, (axis, n) in pairs)
    except ValueError:
        return None
