"""Figures as data URIs: the same bytes for the same numbers."""

import base64
import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure


INK = "#1a1a1a"
GREY = "#767676"
BLUE = "#0b5cad"
ORANGE = "#c2500a"
PALE = "#a9c8ea"
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
    "legend.edgecolor": "none",  # opaque, so that no line crosses its words
    "legend.framealpha": 0.9,
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


class Plate(NamedTuple):
    """A figure for the page and for a file.

    Attributes:
        name: of the file, without its ending.
        title: what stands over it on the page.
        alt: its content in words.
        paint: puts the content on a figure.
        width: inches of 72 points.
        height: inches of 72 points.
    """

    name: str
    title: str
    alt: str
    paint: Callable[[Figure], None]
    width: float
    height: float

    def picture(self) -> Picture:
        """For the page."""
        return self.printed()[0]

    def printed(self) -> tuple[Picture, bytes]:
        """For the page, and a PNG of 200 dots an inch for a file."""
        buffer = io.BytesIO()
        with painted(self.paint, self.width, self.height) as figure:
            source = _svg(figure)
            # On the page the title is text; the file has it above the picture.
            figure.text(0.5, 1.01, self.title, ha="center", va="bottom", weight="bold")
            named = {"Software": "jaxpad"}  # else matplotlib's version stands there
            FigureCanvasAgg(figure).print_figure(
                *(buffer, 200), format="png", bbox_inches="tight", metadata=named
            )
        return Picture(self.title, source, self.alt), buffer.getvalue()


def draw(paint: Callable[[Axes], None], width: float, height: float) -> str:
    """Draws one set of axes into an SVG.

    Args:
        paint: puts the content on the axes.
        width: inches of 72 points.
        height: inches of 72 points.

    Returns:
        The SVG as a data URI.
    """
    with painted(lambda figure: paint(figure.add_subplot()), width, height) as figure:
        return _svg(figure)


def _svg(figure: Figure) -> str:
    """As a data URI."""
    buffer, nothing = io.StringIO(), {"Date": None, "Creator": None}
    FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)
    svg = buffer.getvalue()
    # The prolog before the root element only names a network address.
    return data_uri("image/svg+xml", svg[svg.index("<svg") :].encode())


@contextlib.contextmanager
def painted(
    paint: Callable[[Figure], None], width: float, height: float
) -> Iterator[Figure]:
    """A figure in the style of all, until the end of the body."""
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # matplotlib only measures the text here; the browser has the missing glyphs.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # "constrained" cuts off the label of axes that are square beside a bar.
        figure = Figure(figsize=(width, height), layout="compressed")
        paint(figure)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # once is enough: it takes most of the time
        yield figure


def data_uri(kind: str, content: bytes) -> str:
    """Content that an HTML page can hold in place of an address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
