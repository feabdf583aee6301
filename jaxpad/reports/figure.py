"""Figures and pixels as data URIs: the same bytes for the same numbers."""

import base64
import io
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import matplotlib
import matplotlib.image
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure


INK = "#1a1a1a"
GREY = "#767676"
BLUE = "#0b5cad"
ORANGE = "#c2500a"
PALE = "#a9c8ea"
EXACT = 128  # pixels of the longer side of images that are stored as they are
STYLE: dict[Any, Any] = {
    "axes.edgecolor": "#767676",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.8,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "svg.fonttype": "none",  # the reader's own fonts: small files, and every script
    "svg.hashsalt": "jaxpad",  # else matplotlib names clip paths at random
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$"
    "xtick.color": INK,
    "ytick.color": INK,
}


class Picture(NamedTuple):
    """A figure for the page: its title, its data URI and its content in words."""

    title: str
    source: str
    alt: str


def draw(paint: Callable[[Axes], None], width: float, height: float) -> str:
    """Draws one set of axes into an SVG.

    Args:
        paint: puts the content on the axes.
        width: inches of 72 points.
        height: inches of 72 points.

    Returns:
        The SVG as a data URI.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # matplotlib only measures the text here; the browser has the missing glyphs.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure.add_subplot())
        FigureCanvasSVG(figure).print_svg(
            buffer, metadata={"Date": None, "Creator": None}
        )
    svg = buffer.getvalue()
    # The prolog before the root element only names a network address.
    return _data_uri("image/svg+xml", svg[svg.index("<svg") :].encode())


def pixels(image: np.ndarray) -> str:
    """Stores an image: pixel by pixel if it is small, else as a good JPEG.

    A photograph as a PNG is several times larger, and slow to write.

    Args:
        image: uint8 [h, w, 1 or 3].

    Returns:
        A data URI.
    """
    buffer = io.BytesIO()
    kind = "png" if max(image.shape) <= EXACT else "jpeg"
    matplotlib.image.imsave(
        buffer,
        np.broadcast_to(image, (*image.shape[:2], 3)),
        format=kind,
        # No subsampling: the colours of masks end where their classes do.
        **(
            {"metadata": {"Software": "jaxpad"}}
            if kind == "png"
            else {"pil_kwargs": {"quality": 88, "subsampling": 0}}
        ),
    )
    return _data_uri(f"image/{kind}", buffer.getvalue())


def shrink(image: np.ndarray, most: int) -> np.ndarray:
    """Scales an image down to what a page can show, each pixel a mean of those there.

    Args:
        image: uint8 [h, w, channels].
        most: pixels of the longer side; a smaller image stays as it is.

    Returns:
        Uint8 [h', w', channels].

    Example:
        >>> shrink(np.asarray([[[0], [2], [8], [8]]], np.uint8), 2).ravel().tolist()
        [1, 8]
    """
    total = image.astype(float)
    for axis, size in enumerate(shrunk(image.shape[:2], most)):
        starts = np.arange(size) * image.shape[axis] // size
        counts = np.diff(np.append(starts, image.shape[axis]))
        total = np.add.reduceat(total, starts, axis)
        total = total / np.expand_dims(counts, [i for i in range(3) if i != axis])
    return np.round(total).astype(np.uint8)


def shrink_mask(mask: np.ndarray, most: int) -> np.ndarray:
    """Scales a mask as `shrink` an image: the label in the middle of each pixel.

    Args:
        mask: [h, w].
        most: pixels of the longer side.

    Returns:
        [h', w'], with the same labels or fewer.
    """
    rows, columns = (
        (2 * np.arange(size) + 1) * old // (2 * size)
        for size, old in zip(shrunk(mask.shape, most), mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def shrunk(shape: tuple[int, ...], most: int) -> tuple[int, ...]:
    """The size of an image whose longer side is at most so long.

    Example:
        >>> shrunk((1024, 2048), 512), shrunk((64, 48), 512)
        ((256, 512), (64, 48))
    """
    longer = max(most, *shape)
    return tuple(max(1, side * most // longer) for side in shape)


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
