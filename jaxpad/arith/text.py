"""Drawings for a terminal: plain ASCII, no colour."""

import itertools
import string
import textwrap
from collections.abc import Iterable, Sequence

from .picture import ONE_CELL, Number, Track, sources


LETTERS = string.ascii_lowercase + string.ascii_uppercase
SUMS = 66  # columns of a line of weighted sums


def draw_axis(track: Track) -> str:
    """One axis: its cells, then each output's taps, then the cells that none reads.

    Real cells are letters; an added one has the letter of the cell that it copies,
    `0` if it copies none, `*` if it is a weighted sum, which the second line tells.

    Example:
        >>> from jaxpad.arith import conv_track
        >>> print(draw_axis(conv_track(5, 3, stride=2, padding=1)))
        cells      |0|a b c d e|0|
        output 0    ^ ^ ^
        output 1        ^ ^ ^
        output 2            ^ ^ ^
    """
    symbols = symbols_of(ONE_CELL, track)[0]
    bars = ["|" if edge else " " for edge in _edges(track)]
    cells = "".join(itertools.chain(*zip(bars, [*symbols, ""], strict=True)))
    lines = [("cells", cells)]
    lines += [("*", line) for line in sums_of(track)]
    for f, window in enumerate(track.windows):
        lines.append((f"output {f}", _marks(window, "^")))
    if unread := set(range(len(symbols))) - track.read:
        lines.append(("not read", _marks(unread, "-")))
    return "\n".join(f"{name:10} {line}".rstrip() for name, line in lines)


def draw_grid(rows: Track, columns: Track) -> str:
    """A plane: the cells with its first window, and how many taps are on added cells.

    As in `draw_axis`; `#` is a real cell and `+` a copy where there are more cells
    than letters.

    Example:
        >>> from jaxpad.arith import conv_track
        >>> print(draw_grid(conv_track(3, 3, padding=1), conv_track(3, 3, padding=1)))
        first window      taps on added cells, of 9
        [0][0][0] 0  0       5  3  5
        [0][a][b] c  0       3  0  3
        [0][d][e] f  0       5  3  5
         0  g  h  i  0
         0  0  0  0  0
    """
    symbols = symbols_of(rows, columns)
    left, right = ["first window"], []
    for y, line in enumerate(symbols):
        taps = columns.windows[0] if y in rows.windows[0] else ()
        left.append(
            "".join(f"[{s}]" if x in taps else f" {s} " for x, s in enumerate(line))
        )
    most = max(map(len, rows.windows)) * max(map(len, columns.windows))
    right.append(f"taps on added cells, of {most}")
    for down in rows.windows:
        counts = [_added(rows, columns, down, across) for across in columns.windows]
        right.append(" ".join(f"{count:2}" for count in counts))
    width = max(map(len, left)) + 3
    pairs = itertools.zip_longest(left, right, fillvalue="")
    return "\n".join(f"{a:{width}}{b}".rstrip() for a, b in pairs)


def symbols_of(rows: Track, columns: Track) -> list[list[str]]:
    """The sign of each position of a plane."""
    width = 1 + max(c for c in columns.cells if c is not None)
    cells = width * (1 + max(c for c in rows.cells if c is not None))
    letters = LETTERS if cells <= len(LETTERS) else ""

    def symbol(y: int, x: int) -> str:
        copied = sources(rows, columns, y, x)
        if not copied:
            return "0"
        (weight, (row, column)), *others = copied
        if others or weight != 1:
            return "*"
        if letters:
            return letters[row * width + column]
        return "+" if rows.cells[y] is None or columns.cells[x] is None else "#"

    return [
        [symbol(y, x) for x in range(len(columns.cells))]
        for y in range(len(rows.cells))
    ]


def sums_of(track: Track) -> list[str]:
    """Lines of what each `*` of an axis is, from left to right, equal ones once.

    Example:
        >>> from jaxpad.arith import conv_track
        >>> def odd_reflect(i, n):
        ...     edge = 0 if i < 0 else n - 1
        ...     return [(2, edge), (-1, 2 * edge - i)]
        >>> sums_of(conv_track(4, 3, padding=1, source=odd_reflect))
        ['2 a - b, 2 d - c']
    """
    if len(track.cells) > len(LETTERS):
        return []
    made = [terms for terms in track.copies if terms and terms != ((1, terms[0][1]),)]
    whole = ", ".join(dict.fromkeys(map(_sum, made)))
    return [line.replace("_", " ") for line in textwrap.wrap(whole, SUMS)]


def _sum(terms: Sequence[tuple[Number, int]]) -> str:
    """A sum in letters, with `_` for the spaces at which no line is to end."""
    words = []
    for weight, cell in terms:
        size = "" if abs(weight) == 1 else f"{float(abs(weight)):.3g}_"
        words.append(f"{'-' if weight < 0 else '+'}_{size}{LETTERS[cell]}")
    if len(words) > 4:
        words[2:-1] = ["+_..."]
    return "_".join(words).removeprefix("+_")


def _edges(track: Track) -> list[bool]:
    """Before each position and after the last: whether real cells begin or end."""
    real = [cell is not None for cell in track.cells]
    inner = [a != b for a, b in itertools.pairwise(real)]
    return [True, *inner, True]


def _marks(positions: Iterable[int], mark: str) -> str:
    line = [" "] * (2 * max(positions) + 2)
    for position in positions:
        line[2 * position + 1] = mark
    return "".join(line)


def _added(
    rows: Track, columns: Track, down: Iterable[int], across: Iterable[int]
) -> int:
    return sum(
        rows.cells[y] is None or columns.cells[x] is None
        for y, x in itertools.product(down, across)
    )
