"""Drawings as SVG, in the style of the guide: the window slides under its output."""

import itertools
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from .picture import Number, Track
from .scene import SHADE, frame, letters, scene_of, still
from .text import LETTERS, sums_of


SECONDS = 0.9  # that a frame of the animation stays
MOST_FRAMES = 256
WIDEST = 960  # of a single row of frames before it is wrapped
LINE, NEXT, LETTER = 24, 16, 5.8  # of the caption: first line, others, a letter


def draw_svg(
    rows: Track, columns: Track, caption: str = "", *, animate: bool = False
) -> str:
    """A layer's window over its input, one frame for each output.

    Blue cells are the input, dashed ones were added, green ones are the output. A cell
    that copies another is orange and has its letter, and a line ties it to that
    cell while it is under the window. Where it is a weighted sum it has `*`, a dashed
    line ties it to what is subtracted, and a line below the drawing gives the sums.

    Args:
        rows, columns: the axes; `ONE_CELL` as rows draws one axis.
        caption: a line below the drawing.
        animate: whether the frames follow each other (SMIL), or stand side by side
            with one row of frames for each row of outputs; a single row is wrapped.

    Returns:
        The text of an SVG file.

    Raises:
        ValueError: with more than 256 outputs.

    Example:
        >>> from jaxpad.arith import conv_track
        >>> axis = conv_track(5, 3, stride=2, padding=1)
        >>> draw_svg(axis, axis).count("<use")
        9
    """
    down, across = len(rows.windows), len(columns.windows)
    if down * across > MOST_FRAMES:
        raise ValueError(
            f"{down} x {across} outputs are too many frames to draw: at most "
            f"{MOST_FRAMES}. Draw a smaller input, or one axis."
        )
    scene = scene_of(rows, columns)
    outputs = list(itertools.product(range(down), range(across)))
    frames = [frame(scene, output) for output in outputs]
    texts = [*([caption] if caption else []), *_legend(columns)]
    if animate:
        body = [still(scene), *_in_turn(frames), letters(scene)]
        return _document(scene.width, scene.height, texts, body)
    body = [
        f'<defs><g id="still">{still(scene)}</g>'
        f'<g id="letters">{letters(scene)}</g></defs>'
    ]
    above = '<use href="#letters"/>' if letters(scene) else ""
    if down == 1:
        across = min(across, max(int(WIDEST // scene.width), 1))
    for n, drawn in enumerate(frames):
        f, g = divmod(n, across)
        place = f"translate({g * scene.width:g} {f * scene.height:g})"
        body.append(f'<g transform="{place}"><use href="#still"/>{drawn}{above}</g>')
    height = scene.height * -(-len(frames) // across)
    return _document(scene.width * across, height, texts, body)


def _in_turn(frames: list[str]) -> Iterator[str]:
    """Each frame visible in its turn, for ever; the first one where nothing moves."""
    count = len(frames)
    for n, drawn in enumerate(frames):
        times = {0: "hidden", n / count: "visible", (n + 1) / count: "hidden"}
        times.pop(1.0, None)
        animation = (
            f'<animate attributeName="visibility" calcMode="discrete" '
            f'values="{";".join(times.values())}" '
            f'keyTimes="{";".join(f"{time:.5g}" for time in times)}" '
            f'dur="{SECONDS * count:g}s" repeatCount="indefinite"/>'
        )
        visibility = "hidden" if n else "visible"
        yield f'<g visibility="{visibility}">{animation}{drawn}</g>'


def _legend(columns: Track) -> list[str]:
    """What each `*` is the sum of, along a row."""
    lines = sums_of(columns)
    if lines:
        last = LETTERS[max(c for c in columns.cells if c is not None)]
        lines[0] = f"in a row a ... {last}: * = {lines[0]}"
    if any(weight < 0 for terms in columns.copies for weight, _ in terms):
        lines.append("dashed: subtracted")
    return lines


def _document(
    width: Number, height: Number, texts: Sequence[str], body: list[str]
) -> str:
    bottom = height + (LINE + NEXT * (len(texts) - 1) if texts else 0)
    beside = max(max(map(len, texts), default=0) * LETTER + LINE - width, 0) / 2
    left, across = 0 - beside, width + 2 * beside
    # A white ground: in a dark page the dashed cells would be lost.
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="{left:g} 0 {across:g} {bottom:g}" '
        f'width="{across:g}" height="{bottom:g}" font-family="sans-serif" '
        'font-size="11" text-anchor="middle">',
        f"<title>{escape(texts[0])}</title>" if texts else "",
        f'<rect x="{left:g}" width="{across:g}" height="{bottom:g}" fill="#fff"/>',
        *body,
        *(
            f'<text x="{width / 2:g}" y="{height + 6 + n * NEXT:g}" '
            f'fill="{SHADE}">{escape(text)}</text>'
            for n, text in enumerate(texts)
        ),
        "</svg>",
    ]
    return "\n".join(line for line in lines if line) + "\n"
