"""The pictures of README.md and of the pages, drawn from what the library computes.

Command: python docs/pictures.py
Writes:  docs/img/modes.png, grids.png, amounts.png, partial.png, sphere.png,
         foveation.png
"""

import functools
import io
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from flax import nnx
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from sklearn.datasets import load_sample_image

import jaxpad
from jaxpad import MODES
from jaxpad.analysis.borders import foveation_maps, plots
from jaxpad.arith import AMOUNTS, side_widths, tap_counts
from jaxpad.padding import missing_arguments, reweight_ratio


FOLDER = pathlib.Path(__file__).parent / "img"
STYLE: Any = {"font.size": 9, "figure.dpi": 200, "figure.facecolor": "white"}
MONO: Any = {"family": "DejaVu Sans Mono"}
BORDER, REAL, CENTER, ADDED = "#d43d2a", "#dde9f5", "#8fbce6", "#f3f3f3"
WINDOWS = ("#0b5cad", "#c25400")  # of two neighbors

UNSEEN = ("c2sp", "latlon", "cube_sphere", "healpix")
CELLS, TAPS, STRIDE = 8, 3, 2
LETTERS = "0abcdefgh"  # what cells with the values 0 to 8 are called


def modes(width: int = 14) -> Figure:
    """A photograph under every mode that shows on one, with a line where it ends.

    Without c2sp and the learned ones, which are zero or replicate here, and without
    those of the sphere, which have a picture of their own.
    """
    photo = _photograph() / np.float32(255)
    size = photo.shape[1::-1]
    names = [n for n in MODES if n not in UNSEEN and not missing_arguments(MODES[n])]
    drawn: Any = MODES["random"]
    rows = -(-len(names) // 5)
    figure, axes = plt.subplots(rows, 5, figsize=(9, 2.1 * rows), layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, names, strict=False):
        title, corner = name, (width - 0.5, width - 0.5)
        mode: Any = name
        if name == "constant":
            mode = title = "constant(value=0.75)"
        if name == "random":
            # Keys whose draws put the zeros of both axes on one side.
            mode = functools.partial(drawn, key=jax.random.key(3))
        padded = jaxpad.pad(photo, ((width, width), (width, width), (0, 0)), mode)
        if name == "random":
            real = np.argwhere(np.asarray(padded).any(-1))
            corner = tuple(real.min(0)[::-1] - 0.5)
        axis.imshow(np.clip(padded, 0, 1), interpolation="nearest")
        axis.add_patch(Rectangle(corner, *size, fill=False, ec=BORDER, lw=1.5))
        axis.set_title(title, **MONO, fontsize=9)
    return figure


def grids() -> Figure:
    """Which cells the windows of flax's layer read, and of jaxpad's, mode by mode."""
    figure, axes = plt.subplots(3, 2, figsize=(9, 3.7), layout="constrained")
    flax = [_reads(nnx.Conv, name) for name in ("SAME", "CIRCULAR", "REFLECT")]
    ours = [_reads(jaxpad.layers.Conv, n) for n in ("zero", "circular", "reflect")]
    titles = ("flax.nnx.Conv", 'jaxpad.layers.Conv, amount="same"')
    for column, title, rows in zip(axes.T, titles, (flax, ours), strict=True):
        for axis, (name, reads) in zip(column, rows, strict=True):
            _draw_windows(axis, f"padding={name!r}", reads)
        column[0].set_title(title, loc="left", x=0.177, pad=9, weight="bold")
    return figure


def amounts() -> Figure:
    """The windows under every amount; a mode that fills in positions finds them."""
    figure, axes = plt.subplots(3, 2, figsize=(9, 3.3), layout="constrained")
    x = jnp.arange(float(CELLS))[None, :, None]
    middle = jnp.zeros((TAPS, 1, 1)).at[TAPS // 2].set(1.0)
    position = jaxpad.affine(lambda i, n: ([], i))
    for axis, name in zip(axes.T.flat, AMOUNTS, strict=True):
        y = jaxpad.conv(x, middle, stride=STRIDE, padding=position, amount=name)
        widths = lo, hi = side_widths(name, CELLS, TAPS, STRIDE)
        cells = dict.fromkeys([*range(-lo, 0), *range(CELLS, CELLS + hi)], "")
        cells |= dict(enumerate(LETTERS[1:]))
        centers = np.asarray(y)[0, :, 0].astype(int)
        _draw_row(axis, f"amount={name!r}", f"adds {widths}", cells, centers)
    return figure


def partial(side: int = 5) -> Figure:
    """A mean over 3 x 3 cells of an image of ones: zero, the ratio, partial."""
    window = {"window": (3, 3), "stride": 1, "amount": "half"}
    ones = jnp.ones((1, side, side, 1))
    zero = np.asarray(jaxpad.avg_pool(ones, **window))[0, :, :, 0]
    whole = np.asarray(jaxpad.avg_pool(ones, **window, padding="partial"))[0, :, :, 0]
    ratio = reweight_ratio([tap_counts(side, 3, padding="half")] * 2, (3, 3), "partial")
    titles = ('padding="zero"', "ratio 9 / count", 'padding="partial"')
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.6), layout="constrained")
    for axis, title, values, sign in zip(
        axes, titles, (zero, ratio, whole), "\u00d7= ", strict=True
    ):
        _draw_numbers(axis, title, values)
        axis.text(side - 0.1, side / 2 - 0.5, sign, fontsize=16, va="center")
    return figure


def sphere(n: int = 12, width: int = 3) -> Figure:
    """One smooth function on three grids of the globe, each padded by its mode."""
    figure, axes = plt.subplots(
        1, 3, figsize=(9.6, 2.1), layout="constrained", width_ratios=(1.67, 1.33, 2.34)
    )
    angles = (np.arange(2 * n) + 0.5) * np.pi / n
    south, east = np.meshgrid(angles[:n], angles, indexing="ij")
    globe = [np.sin(south) * np.cos(east), np.sin(south) * np.sin(east), np.cos(south)]
    table = _padded_field(np.stack(globe, -1)[None], width, "latlon")
    _draw_face(axes[0], table[0], width)
    cube = _padded_field(jaxpad.cube_sphere_points(n), width, "cube_sphere")
    pixels = _padded_field(jaxpad.healpix_points(n), width, "healpix")
    gap = 1.1 * (n + 2 * width)
    net = [(column, 0) for column in range(4)] + [(0, -1), (0, 1)]
    for face, (column, row) in enumerate(net):
        _draw_face(axes[1], cube[face], width, (gap * column, gap * row), str(face))
    turned = np.sqrt(0.5) * np.array([[1, -1], [-1, -1]])  # x north-east, y north-west
    for face in range(12):
        eighth = (2 * (face % 4) + (face // 4 != 1)) % 8
        at = gap * np.sqrt(0.5) * np.array([eighth, face // 4])
        _draw_face(axes[2], pixels[face], width, at, str(face), turned)
    for axis, title in zip(axes, ("latlon", "cube_sphere", "healpix"), strict=True):
        axis.set_title(title, **MONO, fontsize=10)
        axis.set(aspect="equal")
        axis.margins(0.01)
        axis.invert_yaxis()
        axis.set_axis_off()
    return figure


def foveation(side: int = 32, depth: int = 4) -> Figure:
    """How often each pixel is used by four 5x5 convolutions, mode by mode."""
    maps = {}
    for name in ("zero", "partial", "reflect", "replicate", "symmetric", "circular"):
        layer = jaxpad.layers.Conv(
            1, 1, (5, 5), padding=name, amount="half", rngs=nnx.Rngs(0)
        )
        layers = [layer] * depth
        found = foveation_maps(nnx.Sequential(*layers), (1, side, side, 1))
        maps[name] = [*found.values()][-1] / 5 ** (2 * depth)
    return plots.plot_maps(maps, "paths, relative")


PICTURES = (modes, grids, amounts, partial, sphere, foveation)


def _photograph() -> np.ndarray:
    """A pagoda of 48 x 40 pixels, few enough to see each one."""
    whole = load_sample_image("china.jpg")[20:404, 60:380]
    return whole.reshape(48, 8, 40, 8, 3).mean((1, 3)).astype(np.uint8)


def _reads(layer: Any, padding: str) -> tuple[str, np.ndarray]:
    """The padding, and the value under each tap of each window: `[outputs, taps]`.

    The cells hold 1 to 8, and a kernel that is 1 at one tap shows what is there.
    """
    made = layer(
        1, 1, (TAPS,), STRIDE, padding=padding, use_bias=False, rngs=nnx.Rngs(0)
    )
    x, columns = jnp.arange(1.0, CELLS + 1)[None, :, None], []
    for tap in np.eye(TAPS, dtype=np.float32):
        made.kernel[...] = jnp.asarray(tap)[:, None, None]
        columns.append(np.asarray(made(x))[0, :, 0].round().astype(int))
    return padding, np.stack(columns, 1)


def _draw_windows(axis: Axes, label: str, reads: np.ndarray) -> None:
    """Rows of cells and of windows; a middle tap always reads a real cell here."""
    centers = reads[:, TAPS // 2] - 1
    cells = dict(enumerate(LETTERS[1:]))
    for center, row in zip(centers, reads, strict=True):
        for tap, value in enumerate(row):
            cells.setdefault(int(center) + tap - TAPS // 2, LETTERS[value])
    read = " ".join(LETTERS[v] for v in reads[:, TAPS // 2])
    _draw_row(axis, label, f"centers {read}", cells, centers)


def _draw_row(
    axis: Axes,
    label: str,
    note: str,
    cells: Mapping[int, str],
    centers: Sequence[int] | np.ndarray,
) -> None:
    for position, text in cells.items():
        inside = 0 <= position < CELLS
        color = CENTER if position in centers else REAL
        fill, edge = (color, "white") if inside else (ADDED, "#999")
        corner, above = (position - 0.5, 0), 2 - inside
        axis.add_patch(Rectangle(corner, 1, 1, fc=fill, ec=edge, zorder=above))
        axis.text(position, 0.46, text, ha="center", va="center", zorder=3, **MONO)
    for n, center in enumerate(centers):
        color, y = WINDOWS[n % 2], -0.3 - 0.32 * (n % 2)
        axis.plot([center - 1.4, center + 1.4], [y, y], color=color, lw=2.5)
        axis.plot([center], [y], "o", color=color, ms=5)
    axis.text(-0.5, 1.2, label, va="bottom", **MONO)
    axis.text(CELLS - 0.5, 1.2, note, va="bottom", ha="right", color="#444")
    axis.set(xlim=(-2.7, CELLS + 1.7), ylim=(-0.9, 1.9), aspect="equal")
    axis.set_axis_off()


def _padded_field(points: np.ndarray, width: int, mode: str) -> np.ndarray:
    """A smooth function of unit vectors, padded: `[faces, rows, columns]`."""
    x, y, z = np.moveaxis(points, -1, 0)
    field = np.sin(3 * x + 1) * np.cos(2 * y) + z * y + 0.7 * np.sin(4 * z - x)
    padded = jaxpad.pad(field[..., None].astype(np.float32), width, mode, axes=(1, 2))
    return np.asarray(padded)[..., 0]


def _draw_face(
    axis: Axes,
    values: np.ndarray,
    width: int,
    at: Sequence[float] | np.ndarray = (0, 0),
    name: str = "",
    turned: np.ndarray | None = None,
) -> None:
    """Cells, and a line where the real ones end; `at` is the middle of the face."""
    turned = np.eye(2) if turned is None else turned
    size, middle = np.array(values.shape)[::-1], np.array(at)
    edges = np.stack(np.meshgrid(*(np.arange(s + 1) - s / 2 for s in size)), -1)
    at_edges: Any = np.moveaxis(edges @ turned.T + middle, -1, 0)
    axis.pcolormesh(
        *at_edges, values, vmin=-1.9, vmax=1.9, cmap="viridis", rasterized=True
    )
    real = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]) * (size / 2 - width)
    axis.plot(*(real @ turned.T + middle).T, color=BORDER, lw=1.3)
    middle_x, middle_y = middle
    axis.text(middle_x, middle_y, name, ha="center", va="center", color="white")


def _draw_numbers(axis: Axes, title: str, values: np.ndarray) -> None:
    axis.imshow(np.abs(values - 1), cmap="Blues", vmin=0, vmax=2)
    for (row, column), value in np.ndenumerate(values):
        axis.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=8)
    axis.set_title(title, **MONO, fontsize=9)
    axis.set_axis_off()


def save(figure: Figure, path: pathlib.Path) -> None:
    """Writes a PNG of 256 colors, which looks the same and is a third as large."""
    buffer = io.BytesIO()
    figure.savefig(buffer, metadata={"Software": None})
    image = Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(path, optimize=True)


def main() -> None:
    """Draws every picture."""
    FOLDER.mkdir(exist_ok=True)
    with mpl.rc_context(STYLE):
        for picture in PICTURES:
            save(picture(), FOLDER / f"{picture.__name__}.png")


if __name__ == "__main__":
    mpl.use("agg")
    main()
