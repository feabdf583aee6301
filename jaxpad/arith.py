"""Convolution arithmetic on Python ints: amounts, output sizes, receptive fields.

Nothing here imports jax. Along one axis of `i` cells, a window of `k` taps at
dilation `d` spans `k' = d (k - 1) + 1` cells; `lo` and `hi` cells are added before
and after. "A guide to convolution arithmetic for deep learning" (Dumoulin and
Visin, 2016) derives the sizes; amounts that differ between the sides, and those
that depend on the stride, follow the same lines.
"""

import operator
from collections.abc import Sequence
from typing import NamedTuple


AMOUNTS = {
    "same": "ceil(i / stride) outputs, an odd cell after",
    "same_lower": "ceil(i / stride) outputs, an odd cell before",
    "valid": "none",
    "full": "k' - 1 on both sides",
    "half": "k' // 2 on both sides",
    "causal": "k' - 1 before",
}


def span(k: int, dilation: int = 1) -> int:
    """Cells from the first to the last tap of a window: `k' = d (k - 1) + 1`.

    Example:
        >>> span(3, dilation=2)
        5
    """
    return dilation * (k - 1) + 1


def side_widths(
    amount: str | int | tuple[int, int],
    i: int,
    k: int,
    stride: int = 1,
    dilation: int = 1,
) -> tuple[int, int]:
    """Cells that `amount` adds before and after an axis of `i` cells.

    Args:
        amount: a name in `AMOUNTS`, an int for both sides, or `(lo, hi)`.
        i: cells of the axis.
        k: taps of the window.
        stride: cells between windows.
        dilation: cells between taps.

    Returns:
        `(lo, hi)`.

    Raises:
        ValueError: for an unknown name or a negative width.
        TypeError: if `amount` has another form.

    Example:
        >>> side_widths("same", 8, 3, stride=2)
        (0, 1)
        >>> side_widths("half", 8, 3, stride=2)
        (1, 1)
    """
    reach = span(k, dilation) - 1
    match amount:
        case "same" | "same_lower":
            total = max((-(-i // stride) - 1) * stride + reach + 1 - i, 0)
            small, large = total // 2, total - total // 2
            return (small, large) if amount == "same" else (large, small)
        case "valid":
            return 0, 0
        case "full":
            return reach, reach
        case "half":
            return (reach + 1) // 2, (reach + 1) // 2
        case "causal":
            return reach, 0
        case str():
            names = ", ".join(repr(name) for name in AMOUNTS)
            raise ValueError(
                f"unknown amount {amount!r}. Expected an int, (lo, hi) or one of "
                f"{names}."
            )
    return explicit_widths(amount)


def explicit_widths(amount: int | tuple[int, int]) -> tuple[int, int]:
    """Reads an int or a pair as `(lo, hi)`.

    Example:
        >>> explicit_widths(2)
        (2, 2)
    """
    try:
        lo, hi = amount if isinstance(amount, (tuple, list)) else (amount, amount)
        lo, hi = operator.index(lo), operator.index(hi)
    except (TypeError, ValueError) as e:
        raise TypeError(
            f"widths (an amount) are an int or (lo, hi) in whole cells, but {amount!r} "
            "came. One pair per axis is written ((1, 1), (2, 2))."
        ) from e
    if lo < 0 or hi < 0:
        raise ValueError(
            f"widths ({lo}, {hi}) are negative; padding adds cells. To remove cells, "
            "slice the array."
        )
    return lo, hi


def conv_output_size(
    i: int,
    k: int,
    stride: int = 1,
    padding: str | int | tuple[int, int] = 0,
    dilation: int = 1,
) -> int:
    """Outputs of a convolution along one axis: `floor((i + lo + hi - k') / s) + 1`.

    Args:
        i: cells of the axis.
        k: taps of the kernel.
        stride: cells between windows.
        padding: an amount, as in `side_widths`.
        dilation: cells between taps.

    Returns:
        The number of windows that fit.

    Raises:
        ValueError: if no window fits, or a number is out of range.

    Example:
        >>> conv_output_size(5, 3, stride=2, padding=1)
        3
    """
    _check_positive(k=k, stride=stride, dilation=dilation)
    if i < 0:
        raise ValueError(f"an axis cannot have i={i} cells.")
    lo, hi = side_widths(padding, i, k, stride, dilation)
    room = i + lo + hi - span(k, dilation)
    if room < 0:
        raise ValueError(
            f"a window of k={k} at dilation={dilation} spans {span(k, dilation)} "
            f"cells, but the axis has i={i} and amount {padding!r} adds {lo} + {hi}: "
            f"use an input of at least {span(k, dilation) - lo - hi} cells, a smaller "
            'window, or more padding such as amount="same".'
        )
    return room // stride + 1


def pool_output_size(
    i: int,
    k: int,
    stride: int | None = None,
    padding: str | int | tuple[int, int] = 0,
    dilation: int = 1,
) -> int:
    """Outputs of a pooling along one axis; the stride defaults to the window.

    Args, Raises: as `conv_output_size`.

    Example:
        >>> pool_output_size(8, 2)
        4
    """
    return conv_output_size(i, k, k if stride is None else stride, padding, dilation)


def transposed_output_size(
    i: int,
    k: int,
    stride: int = 1,
    padding: str | int | tuple[int, int] = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """Outputs of a transposed convolution: `s (i - 1) + k' - lo - hi + output_padding`.

    It is the smallest input from which the convolution with the same arguments
    makes `i` outputs, plus output_padding; with "same" it is `i s`, the largest.

    Args:
        i: cells of the transposed convolution's input.
        k: taps of the kernel.
        stride: of the convolution that is transposed.
        padding: the amount of the convolution that is transposed.
        output_padding: cells added after, less than the stride; 0 with "same".
        dilation: cells between taps.

    Returns:
        The number of cells.

    Raises:
        ValueError: if nothing is left, or a number is out of range.

    Example:
        >>> transposed_output_size(3, 3, stride=2, padding=1, output_padding=1)
        6
    """
    _check_positive(i=i, k=k, stride=stride, dilation=dilation)
    most = 0 if padding in ("same", "same_lower") else stride - 1
    if not 0 <= output_padding <= most:
        raise ValueError(
            f"output_padding={output_padding} at stride={stride} and amount "
            f"{padding!r}: expected from 0 to {most}; with more, another "
            f"input size makes i={i}."
        )
    if padding in ("same", "same_lower"):
        return i * stride
    lo, hi = side_widths(padding, i, k, stride, dilation)
    size = stride * (i - 1) + span(k, dilation) - lo - hi + output_padding
    if size < 1:
        raise ValueError(
            f"amount {padding!r} removes {lo} + {hi} cells of the "
            f"{stride * (i - 1) + span(k, dilation)} that i={i}, k={k}, "
            f"stride={stride}, dilation={dilation} make: nothing is left. Use a "
            "smaller amount."
        )
    return size


class ReceptiveField(NamedTuple):
    """What one output of a stack of layers sees.

    Attributes:
        size: input cells from the first to the last that it can see.
        stride: input cells between neighbouring outputs.
        padding: input cells by which the first output's field begins before the
            image; output `f` is centred on `-padding + f * stride + (size - 1) / 2`.
    """

    size: int
    stride: int
    padding: int


def receptive_field(layers: Sequence[Sequence]) -> ReceptiveField:
    """Size, stride and padding of the receptive field of layers in sequence.

    `size += (k' - 1) stride`, `padding += lo stride`, `stride *= s`, layer by layer
    ("Computing receptive fields of convolutional neural networks", Araujo, Norris
    and Sim, 2019).

    Args:
        layers: a tuple `(k, stride, padding, dilation)` each, of which all but `k`
            may be left out.

    Returns:
        A `ReceptiveField`.

    Raises:
        ValueError: for "same" at a stride, where the amount depends on the input.

    Example:
        >>> receptive_field([(7, 2, 3), (3, 2, 1)])
        ReceptiveField(size=11, stride=4, padding=5)
    """
    size, jump, before = 1, 1, 0
    for layer in layers:
        k, stride, padding, dilation = (*layer, *(1, 0, 1)[len(layer) - 1 :])
        if padding in ("same", "same_lower") and stride > 1:
            raise ValueError(
                f"layer {layer}: amount {padding!r} at stride {stride} depends on the "
                "input size; give the widths as (lo, hi)."
            )
        lo, _ = side_widths(padding, 1, k, stride, dilation)
        size += (span(k, dilation) - 1) * jump
        before += lo * jump
        jump *= stride
    return ReceptiveField(size, jump, before)


def tap_counts(
    i: int,
    k: int,
    stride: int = 1,
    padding: str | int | tuple[int, int] = 0,
    dilation: int = 1,
    *,
    absent: tuple[bool, bool] = (True, True),
) -> list[int]:
    """For each output, how many of the window's taps fall on cells that exist.

    Args:
        i, k, stride, padding, dilation: as `conv_output_size`.
        absent: whether the padding cells before and after count as missing.

    Returns:
        One count per output, each from 0 to `k`.

    Example:
        >>> tap_counts(5, 3, padding=1)
        [2, 3, 3, 3, 2]
    """
    outputs = conv_output_size(i, k, stride, padding, dilation)
    lo, hi = side_widths(padding, i, k, stride, dilation)
    first, last = (0 if absent[0] else -lo), (i if absent[1] else i + hi)

    def count(start: int) -> int:
        if first <= start and start + span(k, dilation) <= last:
            return k  # as for nearly all windows
        return sum(first <= start + t * dilation < last for t in range(k))

    return [count(o * stride - lo) for o in range(outputs)]


def _check_positive(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name}={number} must be at least 1.")
