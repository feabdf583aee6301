"""Drawings as SVG, in the style of the guide: the window slides under its output."""

import itertools
from collections.abc import Iterator
from xml.sax.saxutils import escape

from .picture import Track
from .scene import SHADE, Number, frame, letters, scene_of, still


SECONDS = 0.9  # that a frame of the animation stays
MOST_FRAMES = 256
LINE, LETTER = 24, 5.8  # of the caption: its height, what a letter takes


def draw_svg(
    rows: Track, columns: Track, caption: str = "", *, animate: bool = False
) -> str:
    """A layer's window over its input, one frame for each output.

    Blue cells are the input, dashed ones were added, green ones are the output. A cell
    that copies another is orange and has its letter, and a line ties it to that
    cell while it is under the window.

    Args:
        rows, columns: the axes; `ONE_CELL` as rows draws one axis.
        caption: a line below the drawing.
        animate: whether the frames follow each other (SMIL), or stand side by side
            with one row of frames for each row of outputs.

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
    if animate:
        body = [still(scene), *_in_turn(frames), letters(scene)]
        return _document(scene.width, scene.height, caption, body)
    body = [
        f'<defs><g id="still">{still(scene)}</g>'
        f'<g id="letters">{letters(scene)}</g></defs>'
    ]
    above = '<use href="#letters"/>' if letters(scene) else ""
    for (f, g), drawn in zip(outputs, frames, strict=True):
        place = f"translate({g * scene.width:g} {f * scene.height:g})"
        body.append(f'<g transform="{place}"><use href="#still"/>{drawn}{above}</g>')
    return _document(scene.width * across, scene.height * down, caption, body)


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


def _document(width: Number, height: Number, caption: str, body: list[str]) -> str:
    bottom = height + (LINE if caption else 0)
    text = escape(caption)
    beside = max(len(caption) * LETTER + LINE - width, 0) / 2
    left, across = 0 - beside, width + 2 * beside
    # A white ground: in a dark page the dashed cells would be lost.
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="{left:g} 0 {across:g} {bottom:g}" '
        f'width="{across:g}" height="{bottom:g}" font-family="sans-serif" '
        'font-size="11" text-anchor="middle">',
        f"<title>{text}</title>" if caption else "",
        f'<rect x="{left:g}" width="{across:g}" height="{bottom:g}" fill="#fff"/>',
        *body,
        f'<text x="{width / 2:g}" y="{height + 6:g}" fill="{SHADE}">{text}</text>'
        if caption
        else "",
        "</svg>",
    ]
    return "\n".join(line for line in lines if line) + "\n"
