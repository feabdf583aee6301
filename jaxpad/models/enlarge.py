"""Coarse maps at the pixels between their cells, where the padding holds too."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Shaped

from ..conv.geometry import geometry
from ..conv.shards import Widths, windowed
from ..layers import Padded
from ..layers.padded import as_batch
from ..padding import MODES, Padding, per_axis_modes
from ..typing import AnyArray, Array, Mode


_EDGE = MODES["replicate"]
_ABSENT = (MODES["zero"], MODES["c2sp"])


class Enlarge(Padded):
    """Bilinear interpolation of a map whose cell `j` lies at pixel `scale * j`.

    `y[i] = (1 - t) x[j] + t x[j + 1]` with `j = i // scale` and `t = i / scale - j`,
    which is where strided convolutions with the amount "half" have their cells. The
    cell after the last is the mode's, so that "circular" goes round; cells that are
    absent ("zero", "c2sp") do not count, and the last cell stands for them, as it does
    in the published networks. For `scale * n + 1` pixels it is TensorFlow's and
    PyTorch's resize with `align_corners=True`.

    Args:
        scale: pixels from one cell to the next.
        padding: as in `jaxpad.layers.Conv`; its amount means nothing here.
        features, rngs: as in `jaxpad.layers.MaxPool`.

    Example:
        >>> x = jnp.array([0.0, 4.0]).reshape(1, 1, 2, 1)
        >>> Enlarge(2, padding="circular")(x, (1, 4))[0, 0, :, 0]
        Array([0., 2., 4., 2.], dtype=float32)
    """

    def __init__(
        self,
        scale: int,
        *,
        padding: Mode | Padding = "zero",
        features: int | None = None,
        rngs: nnx.Rngs | None = None,
    ):
        self.scale, self.window, self.in_features = scale, (2, 2), features
        self.set_padding(padding, (0, 1), rngs=rngs)

    def __call__(
        self, inputs: Shaped[AnyArray, "*batch h w channels"], size: Sequence[int]
    ) -> Shaped[Array, "*batch height width channels"]:
        """The map at the pixels of an image of `size` (height, width).

        Raises:
            ValueError: if the map has not the cells of such an image.
        """
        x, batch = as_batch(jnp.asarray(inputs), 2)
        cells = tuple(-(-n // self.scale) for n in size)
        if x.shape[1:3] != cells:
            raise ValueError(
                f"Enlarge: a map with a cell every {self.scale} pixels of "
                f"{size[0]}x{size[1]} has {cells[0]}x{cells[1]} cells, but "
                f"{x.shape[1]}x{x.shape[2]} came. Give the layers before it the amount "
                '"half".'
            )
        if self.scale > 1:
            window = geometry(cells, (2, 2), 1, 1, (0, 1))
            mode = Padding(_present(self.drawn().mode))
            x = windowed(self._grown, x, window=window, padding=mode, everywhere=True)
        y = x[:, : size[0], : size[1]]
        return y.reshape(*batch, *y.shape[1:])

    def _grown(self, x: Array, _: Widths) -> Array:
        return _between(_between(x, 1, self.scale), 2, self.scale)


def _present(mode: Any) -> Any:
    """The mode, with the outermost cell in place of absent ones."""
    if not isinstance(mode, tuple):
        mode = MODES.resolve(mode)
        return _EDGE if mode in _ABSENT else mode
    pairs = per_axis_modes(mode, 2)
    return tuple(tuple(_EDGE if m in _ABSENT else m for m in pair) for pair in pairs)


def _between(x: Array, axis: int, scale: int) -> Array:
    """`scale` cells from each cell towards the next; the last has none and goes."""
    n = x.shape[axis] - 1
    here = lax.slice_in_dim(x, 0, n, axis=axis)
    there = lax.slice_in_dim(x, 1, n + 1, axis=axis)
    steps = [p / scale for p in range(scale)]
    cells = jnp.stack([(1 - t) * here + t * there for t in steps], axis + 1)
    shape = list(here.shape)
    shape[axis] *= scale
    return cells.reshape(shape)
