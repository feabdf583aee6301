"""Questions asked backwards: which input, or which padding, gives this output."""

from collections.abc import Sequence
from typing import NamedTuple

from .amounts import (
    check_positive,
    check_whole,
    explicit_widths,
    side_widths,
    span,
)
from .receptive import Layer, read_layers


class TransposedPadding(NamedTuple):
    """Arguments of a transposed convolution.

    Attributes:
        padding: cells taken off before and after.
        output_padding: cells added after, less than the stride.
    """

    padding: tuple[int, int]
    output_padding: int


def solve_transposed(
    i: int, k: int, stride: int, dilation: int = 1, output: int | None = None
) -> list[TransposedPadding]:
    """The paddings with which a transposed convolution makes `output` cells.

    `s (i - 1) + k' - lo - hi + output_padding = output`, solved with `lo = hi`; where
    no such solution has output_padding 0, also with `hi = lo + 1`.

    Args:
        i: cells of the transposed convolution's input.
        k: taps of the kernel.
        stride: of the convolution that is transposed.
        dilation: cells between taps.
        output: cells that it is to make; `i * stride` if None.

    Returns:
        Every solution with equal sides, by output_padding, then the uneven one.

    Raises:
        ValueError: if no padding gives that output, or a number is out of range.
        TypeError: if a number is not whole.

    Example:
        >>> solve_transposed(7, 3, stride=2)
        [TransposedPadding(padding=(1, 1), output_padding=1),
         TransposedPadding(padding=(0, 1), output_padding=0)]
    """
    check_positive(i=i, k=k, stride=stride, dilation=dilation)
    output = i * stride if output is None else output
    check_positive(output=output)
    whole = stride * (i - 1) + span(k, dilation)
    spare = whole - output
    if spare <= -stride:
        raise ValueError(
            f"output={output} is out of reach of i={i}, k={k}, stride={stride}, "
            f"dilation={dilation}: at most {whole + stride - 1} cells, without padding "
            f"and with output_padding={stride - 1}. Use a larger kernel."
        )
    found = [
        TransposedPadding(explicit_widths((spare + extra) // 2), extra)
        for extra in range(max(-spare, 0), stride)
        if (spare + extra) % 2 == 0
    ]
    if spare > 0 and spare % 2:
        found.append(TransposedPadding((spare // 2, spare // 2 + 1), 0))
    return found


def input_sizes(
    o: int,
    k: int,
    stride: int = 1,
    padding: str | int | tuple[int, int] = 0,
    dilation: int = 1,
) -> range:
    """The inputs from which a convolution makes `o` outputs, at most `stride` many.

    Args:
        o: outputs.
        k, stride, padding, dilation: as `conv_output_size`.

    Returns:
        The sizes; none where padding alone makes more outputs.

    Raises:
        ValueError: if a number is out of range.
        TypeError: if a number is not whole.

    Example:
        >>> input_sizes(112, 7, stride=2, padding=3)
        range(223, 225)
    """
    check_positive(o=o, k=k, stride=stride, dilation=dilation)
    if padding in ("same", "same_lower"):
        return range((o - 1) * stride + 1, o * stride + 1)
    lo, hi = side_widths(padding, 1, k, stride, dilation)
    least = (o - 1) * stride + span(k, dilation) - lo - hi
    return range(max(least, 1), max(least + stride, 1))


def even_sizes(layers: Sequence[Layer], near: int) -> list[int]:
    """The inputs next to `near` of which no layer leaves a cell at the end unused.

    A layer that does sees fewer added cells after the image than before it. The
    sizes are a product of the strides apart.

    Args:
        layers: as `receptive_field`.
        near: a number of cells.

    Returns:
        `near` alone if it is such a size; else the nearest below, if there is one,
        and the nearest above.

    Raises:
        ValueError: for "same" at a stride, which depends on the input.
        TypeError: if a layer is not a tuple, or a number is not whole.

    Example:
        >>> even_sizes([(7, 2, 3), *[(3, 2, 1)] * 4], near=224)
        [193, 225]
    """
    check_whole(near=near)
    lowest, step, first = 1, 1, 0
    # Backwards from one output: what each layer needs of the one before. `first` is
    # how many outputs more it takes for all of these to be there.
    for k, stride, (lo, hi), dilation in reversed(list(read_layers(layers))):
        lowest = (lowest - 1) * stride + span(k, dilation) - lo - hi
        step *= stride
        first = max(first, -((lowest - 1) // step))
    size = lowest + max((near - lowest) // step, first) * step
    return [size] if size >= near else [size, size + step]
