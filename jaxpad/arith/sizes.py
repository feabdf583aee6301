"""Output sizes along one axis, and the cells that no window reaches."""

from .amounts import check_positive, check_whole, side_widths, span


def conv_output_size(
    i: int,
    k: int,
    stride: int = 1,
    padding: str | int | tuple[int, int] = 0,
    dilation: int = 1,
    *,
    ceil_mode: bool = False,
) -> int:
    """Outputs of a convolution along one axis: `floor((i + lo + hi - k') / s) + 1`.

    Args:
        i: cells of the axis.
        k: taps of the kernel.
        stride: cells between windows.
        padding: an amount, as in `side_widths`.
        dilation: cells between taps.
        ceil_mode: whether a last window may hang over the end, by less than a
            stride; it must start inside the image or in the cells before it
            (PyTorch's rule for pools).

    Returns:
        The number of windows that fit.

    Raises:
        ValueError: if no window fits, or a number is out of range.
        TypeError: if a number is not whole.

    Example:
        >>> conv_output_size(5, 3, stride=2, padding=1)
        3
    """
    check_whole(i=i)
    check_positive(k=k, stride=stride, dilation=dilation)
    if i < 0:
        raise ValueError(f"an axis cannot have i={i} cells.")
    lo, hi = side_widths(padding, i, k, stride, dilation)
    room = i + lo + hi - span(k, dilation)
    last = room // stride
    if ceil_mode:
        last = min(-(-room // stride), (i + lo - 1) // stride)
    if last < 0:
        # An axis without cells has nothing to pad.
        other = ', a smaller window, or more padding such as amount="same"' if i else ""
        raise ValueError(
            f"a window of k={k} at dilation={dilation} spans {span(k, dilation)} "
            f"cells, but the axis has i={i} and amount {padding!r} adds {lo} + {hi}: "
            f"use an input of at least {span(k, dilation) - lo - hi} cells{other}."
        )
    return last + 1


def pool_output_size(
    i: int,
    k: int,
    stride: int | None = None,
    padding: str | int | tuple[int, int] = 0,
    dilation: int = 1,
    *,
    ceil_mode: bool = False,
) -> int:
    """Outputs of a pooling along one axis; the stride defaults to the window.

    Args, Raises: as `conv_output_size`.

    Example:
        >>> pool_output_size(8, 2)
        4
        >>> pool_output_size(8, 3), pool_output_size(8, 3, ceil_mode=True)
        (2, 3)
    """
    stride = k if stride is None else stride
    return conv_output_size(i, k, stride, padding, dilation, ceil_mode=ceil_mode)


def unused_cells(
    i: int,
    k: int,
    stride: int = 1,
    padding: str | int | tuple[int, int] = 0,
    dilation: int = 1,
) -> int:
    """Cells at the end that no window reaches: `(i + lo + hi - k') mod s`.

    With equal widths on both sides they make the padding uneven: the last output
    sees fewer added cells than the first. As output_padding of the transposed
    convolution, the number brings back the size `i`.

    Args, Raises: as `conv_output_size`.

    Returns:
        A number of cells, added ones counted.

    Example:
        >>> unused_cells(224, 7, stride=2, padding=3)
        1
        >>> unused_cells(225, 7, stride=2, padding=3)
        0
    """
    outputs = conv_output_size(i, k, stride, padding, dilation)
    lo, hi = side_widths(padding, i, k, stride, dilation)
    return i + lo + hi - span(k, dilation) - (outputs - 1) * stride


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
        TypeError: if a number is not whole.

    Example:
        >>> transposed_output_size(3, 3, stride=2, padding=1, output_padding=1)
        6
    """
    check_positive(i=i, k=k, stride=stride, dilation=dilation)
    check_whole(output_padding=output_padding)
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
