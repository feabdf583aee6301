"""Sizes and drawings of layers.

python -m jaxpad.arith conv --input 5 --kernel 3 --stride 2 --svg conv.svg
python -m jaxpad.arith conv --input 5 --kernel 3 --padding 1 --mode reflect
python -m jaxpad.arith pool --input 7 --kernel 2 --ceil_mode
python -m jaxpad.arith field "7/2/3 3/2/1" --input 224
python -m jaxpad.arith solve --input 7 --kernel 3 --stride 2
"""

import argparse
import pathlib
from collections.abc import Sequence
from typing import Any, NoReturn

from jaxpad.padding import MODES, rule_of

from . import report
from .picture import ONE_CELL, Number, Source, Track, conv_track, transposed_track
from .svg import draw_svg
from .text import draw_axis, draw_grid


COLUMNS, ROWS = 80, 40  # of the terminal that a drawing is for


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Answers one question on the command line.

    Args:
        arguments: the words after the program's name; `None` takes them from the
            command line.

    Raises:
        SystemExit: with status 2 and one line if the question has no answer.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        print(options.answer(options))
    except (OSError, TypeError, ValueError) as error:
        parser.error(str(error))


def conv(options: argparse.Namespace) -> str:
    """Sizes and drawing of a convolution, or of a transposed one."""
    i, k, s, p, d = _layer(options)
    if options.transposed:
        if options.mode:
            raise ValueError(
                "--mode with --transposed: what is added there is always zeros; the "
                "mode belongs to the convolution that is transposed."
            )
        extra = options.output_padding
        lines = report.transposed_report(i, k, s, p, extra, d)
        return _drawn(options, lines, transposed_track(i, k, s, p, extra, d))
    if options.output_padding:
        raise ValueError("--output_padding is for --transposed.")
    source = _source(options.mode) if options.mode else _no_cell
    lines = report.conv_report(i, k, s, p, d)
    return _drawn(options, lines, conv_track(i, k, s, p, d, source=source))


def pool(options: argparse.Namespace) -> str:
    """Sizes and drawing of a pooling."""
    if options.stride is None:
        options.stride = options.kernel
    layer = _layer(options)
    tell = report.ceil_report if options.ceil_mode else report.conv_report
    track = conv_track(*layer, ceil_mode=options.ceil_mode)
    return _drawn(options, tell(*layer), track)


def field(options: argparse.Namespace) -> str:
    """The receptive field of layers in sequence."""
    layers = [_read_layer(text) for text in options.layers.split()]
    if not layers:
        raise ValueError('no layers: write some, such as "7/2/3 3/2/1".')
    return report.field_report(layers, options.input)


def solve(options: argparse.Namespace) -> str:
    """The paddings of a transposed convolution for a wanted output."""
    return report.solve_report(
        options.input, options.kernel, options.stride, options.dilation, options.output
    )


def _layer(options: argparse.Namespace) -> tuple[Any, ...]:
    o = options
    return o.input, o.kernel, o.stride, o.padding, o.dilation


def _drawn(options: argparse.Namespace, lines: report.Lines, columns: Track) -> str:
    """The report, the drawing where a terminal has room, and the file's name."""
    rows = columns if options.axes == 2 else ONE_CELL
    transposed = getattr(options, "transposed", False)
    shares = report.shares(columns, transposed=transposed)
    texts = [report.aligned([*lines, *shares]), ""]
    drawings = []
    if len(columns.cells) <= COLUMNS / 2:
        drawings.append(draw_axis(columns))
        drawings += [draw_grid(rows, columns)] if options.axes == 2 else []
    for drawing in drawings:
        drawn = drawing.splitlines()
        fits = len(drawn) <= ROWS and max(map(len, drawn)) <= COLUMNS
        texts += [drawing, ""] if fits else []
    if len(texts) == 2:
        texts.append(f"The drawing needs more than {COLUMNS} columns or {ROWS} rows.")
    if options.animate and not options.svg:
        raise ValueError("--animate needs a file: --svg FILE.")
    if options.svg:
        picture = draw_svg(
            rows, columns, _caption(options, columns), animate=options.animate
        )
        pathlib.Path(options.svg).write_text(picture)
        texts.append(f"wrote {options.svg}")
    return "\n".join(texts).rstrip()


def _caption(options: argparse.Namespace, columns: Track) -> str:
    o = options
    given = {"i": o.input, "k": o.kernel, "s": o.stride, "p": o.padding}
    given |= {"d": o.dilation} if o.dilation > 1 else {}
    given |= {"a": o.output_padding} if getattr(o, "output_padding", 0) else {}
    words = [f"{name} = {value}" for name, value in given.items()]
    kinds = [name for name in ("transposed", "ceil_mode") if getattr(o, name, False)]
    kinds += [o.mode] if getattr(o, "mode", None) else []
    return ", ".join([*kinds, *words, f"o = {len(columns.windows)}"])


def _no_cell(i: int, n: int) -> Sequence[tuple[Number, int]]:
    return ()


def _source(mode: str) -> Source:
    """The cells that each added cell of a mode is made from, by the mode's own rule."""
    found = MODES.resolve(mode)
    rule, chosen = rule_of(found), getattr(found, "keywords", {})
    if rule is None:
        raise ValueError(
            f"--mode {mode}: only a mode made by `source` or `affine` says which cells "
            "it copies, so that it can be drawn."
        )
    return lambda i, n: rule.terms(i, n, **chosen)[0]


def amount(text: str) -> Any:
    """An amount: `1`, `1,2` for before and after, or a name."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        return text
    if len(numbers) > 2:
        # Of other errors argparse drops the text.
        raise argparse.ArgumentTypeError(
            f"{text}: expected one number, or before and after such as 1,2."
        )
    return numbers[0] if len(numbers) == 1 else numbers


def _read_layer(text: str) -> tuple[Any, ...]:
    """A layer as `kernel/stride/padding/dilation`."""
    numbers = text.split("/")
    kinds = (int, int, amount, int)[: len(numbers)]
    try:
        return tuple(kind(n) for kind, n in zip(kinds, numbers, strict=True))
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise ValueError(
            f"layer {text!r}: expected kernel/stride/padding/dilation such as 3/2/1, "
            "of which all but the kernel may be left out."
        ) from error


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser("python -m jaxpad.arith", description=__doc__, formatter_class=raw)
    commands = parser.add_subparsers(required=True, metavar="conv|pool|field|solve")

    def command(answer: Any, *names: str) -> argparse.ArgumentParser:
        made = commands.add_parser(answer.__name__, description=answer.__doc__)
        made.set_defaults(answer=answer)
        for name in names:
            made.add_argument(f"--{name}", type=int, required=True)
        return made

    convs, pools = command(conv, "input", "kernel"), command(pool, "input", "kernel")
    convs.add_argument("--stride", type=int, default=1)
    pools.add_argument("--stride", type=int, help="by default the kernel")
    for made in (convs, pools):
        made.add_argument("--padding", type=amount, default=0, help=amount.__doc__)
        made.add_argument("--dilation", type=int, default=1)
        made.add_argument("--axes", type=int, choices=(1, 2), default=2)
        made.add_argument("--svg", metavar="FILE", help="write a picture")
        made.add_argument("--animate", action="store_true", help="frames in turn")
    pools.add_argument("--ceil_mode", action="store_true", help="as PyTorch's")
    convs.add_argument("--mode", help="what the added cells hold: reflect, ...")
    convs.add_argument("--transposed", action="store_true")
    convs.add_argument("--output_padding", type=int, default=0)
    fields = command(field)
    fields.add_argument("layers", help='"7/2/3 3/2/1", as kernel/stride/padding')
    fields.add_argument("--input", type=int)
    solves = command(solve, "input", "kernel", "stride")
    solves.add_argument("--dilation", type=int, default=1)
    solves.add_argument("--output", type=int, help="by default input * stride")
    return parser


if __name__ == "__main__":
    main()
