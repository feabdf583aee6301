"""What the outputs of a stack of layers see: cells of the input, and padding."""

from collections.abc import Iterator, Sequence, Sized
from fractions import Fraction
from typing import Any, NamedTuple

from .amounts import check_positive, check_whole, side_widths, span
from .sizes import conv_output_size


# (k, stride, padding, dilation), of which all but k may be left out.
Layer = Sequence[Any]


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

    def cells(self, output: int) -> range:
        """Cells that an output sees; those below 0 are padding before the image.

        Example:
            >>> receptive_field([(7, 2, 3), (3, 2, 1)]).cells(2)
            range(3, 14)
        """
        start = output * self.stride - self.padding
        return range(start, start + self.size)


def receptive_field(layers: Sequence[Layer], i: int | None = None) -> ReceptiveField:
    """Size, stride and padding of the receptive field of layers in sequence.

    `size += (k' - 1) stride`, `padding += lo stride`, `stride *= s`, layer by layer
    ("Computing receptive fields of convolutional neural networks", Araujo, Norris
    and Sim, 2019).

    Args:
        layers: a tuple `(k, stride, padding, dilation)` each, of which all but `k`
            may be left out.
        i: cells of the input's axis, which "same" at a stride depends on.

    Returns:
        A `ReceptiveField`.

    Raises:
        ValueError: for "same" at a stride without `i`; if a window does not fit.
        TypeError: if a layer is not a tuple, or a number is not whole.

    Example:
        >>> receptive_field([(7, 2, 3), (3, 2, 1)])
        ReceptiveField(size=11, stride=4, padding=5)
        >>> receptive_field([(7, 2, "same"), (3, 2, "same")], i=224)
        ReceptiveField(size=11, stride=4, padding=2)
    """
    size, jump, before = 1, 1, 0
    for k, stride, (lo, _), dilation in read_layers(layers, i):
        size += (span(k, dilation) - 1) * jump
        before += lo * jump
        jump *= stride
    return ReceptiveField(size, jump, before)


def read_layers(
    layers: Sequence[Layer], i: int | None = None
) -> Iterator[tuple[int, int, tuple[int, int], int]]:
    """Reads layers as `(k, stride, (lo, hi), dilation)`, for an input of `i` cells.

    Raises:
        ValueError: for "same" at a stride where `i` is not given; if nothing is left
            of the input.
        TypeError: if a layer is not a tuple, or a number is not whole.
    """
    for layer in layers:
        if isinstance(layer, str) or not isinstance(layer, Sized):
            raise TypeError(
                f"layer {layer!r}: a layer is a tuple (k, stride, padding, dilation), "
                "of which all but k may be left out, such as (3,)."
            )
        if not 1 <= len(layer) <= 4:
            raise ValueError(
                f"layer {layer!r}: expected (k, stride, padding, dilation), of which "
                "all but k may be left out."
            )
        k, stride, padding, dilation = (*layer, *(1, 0, 1)[len(layer) - 1 :])
        check_positive(k=k, stride=stride, dilation=dilation)
        if i is None and padding in ("same", "same_lower") and stride > 1:
            raise ValueError(
                f"layer {layer}: amount {padding!r} at stride {stride} depends on the "
                "input size: give `i` where it is asked for (--input), or the widths "
                "as (lo, hi) (0,1 on the command line)."
            )
        # At stride 1 no amount depends on the size.
        widths = side_widths(padding, 1 if i is None else i, k, stride, dilation)
        yield k, stride, widths, dilation
        if i is not None:
            i = conv_output_size(i, k, stride, padding, dilation)


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


def padding_fractions(i: int, layers: Sequence[Layer]) -> list[Fraction]:
    """For each output of layers in sequence, how much of what it sees is padding.

    Of all paths from the output down through one tap of each layer, the fraction
    that ends on an added cell. Paths along different axes are independent: over an
    image, `1 - (1 - rows) (1 - columns)`. For one layer it is `1 - tap_counts / k`.

    Args:
        i: cells of the input's axis.
        layers: as `receptive_field`.

    Returns:
        One exact fraction per output.

    Raises:
        ValueError: if a window does not fit.
        TypeError: if a layer is not a tuple, or a number is not whole.

    Example:
        >>> padding_fractions(3, [(3, 1, 1)])
        [Fraction(1, 3), Fraction(0, 1), Fraction(1, 3)]
    """
    check_whole(i=i)
    inside, paths = [1] * i, 1
    for k, stride, (lo, hi), dilation in read_layers(layers, i):
        outputs = conv_output_size(len(inside), k, stride, (lo, hi), dilation)
        padded = [0] * lo + inside + [0] * hi
        inside = [
            sum(padded[o * stride + t * dilation] for t in range(k))
            for o in range(outputs)
        ]
        paths *= k
    return [1 - Fraction(count, paths) for count in inside]
