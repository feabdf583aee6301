"""What the command says of a layer, of layers in sequence, and of a question."""

import contextlib
from collections.abc import Iterable, Sequence
from fractions import Fraction

from .amounts import side_widths, span
from .inverse import even_sizes, input_sizes, solve_transposed
from .picture import Track
from .receptive import Layer, padding_fractions, receptive_field
from .sizes import conv_output_size, transposed_output_size, unused_cells


Amount = str | int | tuple[int, int]
Lines = list[tuple[str, str]]


def conv_report(i: int, k: int, stride: int, padding: Amount, dilation: int) -> Lines:
    """The sizes of a convolution or a pooling, as pairs of a heading and a text."""
    outputs = conv_output_size(i, k, stride, padding, dilation)
    lo, hi = side_widths(padding, i, k, stride, dilation)
    reach = span(k, dilation)
    same = input_sizes(outputs, k, stride, padding, dilation)
    sizes = f"{same.start} to {same.stop - 1}" if len(same) > 1 else i
    unused = unused_cells(i, k, stride, padding, dilation)
    return [
        ("outputs", f"{outputs} = floor(({i} + {lo} + {hi} - {reach}) / {stride}) + 1"),
        ("added", f"{lo} before, {hi} after"),
        ("window", f"{reach} cells from its first to its last tap"),
        ("not reached", f"{unused} at the end"),
        ("same outputs", f"from {sizes} cells"),
    ]


def ceil_report(i: int, k: int, stride: int, padding: Amount, dilation: int) -> Lines:
    """The sizes of a pooling whose last window may hang over the end."""
    outputs = conv_output_size(i, k, stride, padding, dilation, ceil_mode=True)
    lo, hi = side_widths(padding, i, k, stride, dilation)
    over = (outputs - 1) * stride + span(k, dilation) - (i + lo + hi)
    return [
        ("outputs", f"{outputs} in ceil mode"),
        ("added", f"{lo} before, {hi} after"),
        ("window", f"{span(k, dilation)} cells from its first to its last tap"),
        ("hangs over", f"{max(over, 0)} at the end, left out of the window"),
    ]


def transposed_report(
    i: int, k: int, stride: int, padding: Amount, output_padding: int, dilation: int
) -> Lines:
    """The sizes of a transposed convolution."""
    o = transposed_output_size(i, k, stride, padding, output_padding, dilation)
    lo, hi = side_widths(padding, o, k, stride, dilation)
    rest = o - (stride * (i - 1) + span(k, dilation) - lo - hi)
    whole = f"{stride} ({i} - 1) + {span(k, dilation)} - {lo} - {hi} + {rest}"
    return [
        ("outputs", f"{o} = {whole}"),
        ("transpose of", f"the convolution from {o} cells to {i}"),
        (
            "computed as",
            f"one at stride 1, with the cells {stride} apart",
        ),
    ]


def shares(track: Track, *, transposed: bool = False) -> Lines:
    """How much of each output's window is on added cells, along an axis and a plane.

    Those that a transposed convolution puts between the cells are no padding.
    """
    found = [
        Fraction(sum(track.cells[p] is None for p in window), len(window))
        for window in track.windows
    ]
    shown = [str(share) for share in found]
    if len(shown) > 8:
        shown = [*shown[:4], "...", *shown[-4:]]
    mean = sum(found, Fraction(0)) / len(found)
    plane = 1 - (1 - mean) ** 2
    text = f"{', '.join(shown)} of each output's taps"
    average = f"{float(mean):.1%} of an axis, {float(plane):.1%} of a plane"
    where = ", between cells and around" if transposed else ""
    heading = "added zeros" if transposed else "from padding"
    return [(heading, text), ("on average", average + where)]


def field_report(layers: Sequence[Layer], i: int | None = None) -> str:
    """Layer by layer: the receptive field, and for `i` cells the sizes.

    Example:
        >>> print(field_report([(7, 2, 3), (3, 2, 1)], 224))
        layer    sees  stride  padding  outputs  not reached  from padding
        7/2/3       7       2        3      112            1          0.8%
        3/2/1      11       4        5       56            1          1.2%
        no cell is left over from an input of 221 or 225
    """
    heads = ["sees", "stride", "padding"]
    heads += ["outputs", "not reached", "from padding"] if i is not None else []
    names = ["/".join(map(_plain, layer)) for layer in layers]
    wide = max(8, *map(len, names))
    lines = [f"{'layer':{wide}} " + "  ".join(heads)]
    size = i
    for n, layer in enumerate(layers):
        row = [str(number) for number in receptive_field(layers[: n + 1], i)]
        if i is not None and size is not None:
            fractions = padding_fractions(i, layers[: n + 1])
            mean = sum(fractions, Fraction(0)) / len(fractions)
            row += [str(len(fractions)), str(unused_cells(size, *layer))]
            row.append(f"{float(mean):.1%}")
            size = len(fractions)
        cells = (text.rjust(len(head)) for text, head in zip(row, heads, strict=True))
        lines.append(f"{names[n]:{wide}} " + "  ".join(cells))
    if i is not None:
        with contextlib.suppress(ValueError):  # "same" at a stride follows the input
            even = " or ".join(map(str, even_sizes(layers, i)))
            lines.append(f"no cell is left over from an input of {even}")
    return "\n".join(lines)


def solve_report(
    i: int, k: int, stride: int, dilation: int = 1, output: int | None = None
) -> str:
    """The paddings of a transposed convolution that give an output.

    Example:
        >>> print(solve_report(7, 3, 2))
        from 7 cells to 14: k = 3, stride = 2, dilation = 1, and
          padding = 1, output_padding = 1
          padding = 0,1, output_padding = 0
    """
    found = solve_transposed(i, k, stride, dilation, output)
    reached = i * stride if output is None else output
    lines = [
        f"from {i} cells to {reached}: k = {k}, stride = {stride}, "
        f"dilation = {dilation}, and"
    ]
    for (lo, hi), extra in found:
        both = lo if lo == hi else (lo, hi)
        lines.append(f"  padding = {_plain(both)}, output_padding = {extra}")
    return "\n".join(lines)


def aligned(lines: Iterable[tuple[str, str]]) -> str:
    """Headings and texts in two columns."""
    return "\n".join(f"{head:13} {text}" for head, text in lines)


def _plain(number: Amount) -> str:
    """A number or a pair as the command line writes it."""
    return ",".join(map(str, number)) if isinstance(number, tuple) else str(number)
