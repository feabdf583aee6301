"""The sphere on the twelve base pixels of HEALPix."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from ..typing import AnyArray, Array
from .catalogue import MODES
from .faces import Sides, pad_faces


# What lies north-east, south-east, south-west and north-west of each base pixel, which
# are its sides 0 to 3: the base pixel and its quarter turns.
NORTH: Sides = [
    ((east, 3), (4 + east, 0), (4 + i, 0), (west, 1))
    for i, east, west in ((0, 1, 3), (1, 2, 0), (2, 3, 1), (3, 0, 2))
]
EQUATOR: Sides = [
    ((i, 0), (8 + i, 0), (8 + west, 0), (west, 0))
    for i, west in ((0, 3), (1, 0), (2, 1), (3, 2))
]
SOUTH: Sides = [
    ((4 + east, 0), (8 + east, 1), (8 + west, 3), (4 + i, 0))
    for i, east, west in ((0, 1, 3), (1, 2, 0), (2, 3, 1), (3, 0, 2))
]


@MODES.register(laws=["interior", "identity", "affine", "transforms", "dtype"])
def healpix(
    x: Shaped[AnyArray, "..."], widths: Sequence[tuple[int, int]]
) -> Shaped[Array, "..."]:
    """888|5555|111

    For a globe on HEALPix, cells of equal area on rings of latitude: each of the twelve
    base pixels is padded from its neighbours. Takes `[batch * 12, n, n, channels]`, the
    base pixels fastest; a layer folds `[batch, 12, n, n, channels]` by itself. Each has
    cell (0, 0) in its southern corner. Row y goes to the north-west and column x to the
    north-east, as in `healpy.pix2xyf`; this is not the nested order.

    ```text
      0   1   2   3      north      y   x
    4   5   6   7   4                \\ /
      8   9  10  11      south        0
    ```

    Where four base pixels meet, the corner is the one across. Where three meet (north
    and south of the equatorial ones, east and west of the others) none lies across: the
    corner is made as in `cube_sphere`. Both axes at once, at most n wide.
    `healpix_points` gives the cell centres.
    """
    return pad_faces(jnp.asarray(x), widths, (*NORTH, *EQUATOR, *SOUTH), "healpix")


def healpix_points(n: int) -> Float[np.ndarray, "12 n n 3"]:
    """The centres of the cells of HEALPix with `nside = n`, as unit vectors.

    With `d` the distance from the nearer pole along a meridian, 1 at the end of its
    cap: `z = 1 - d**2 / 3` in the cap, and linear in the latitude's ring outside it.

    Args:
        n: cells along a side of a base pixel; any number, not only powers of 2.

    Returns:
        `[12, n, n, 3]`, float64: x, y, z of base pixel, row, column.

    Example:
        >>> healpix_points(64).shape
        (12, 64, 64, 3)
        >>> healpix_points(1)[4, 0, 0]  # on the equator, in the direction x
        array([1., 0., 0.])

    "HEALPix: A Framework for High-Resolution Discretization and Fast Analysis of Data
    Distributed on the Sphere", Górski et al., 2005.
    """
    base = np.arange(12)[:, None, None]
    column = (np.arange(n) + 0.5) / n
    row = column[:, None]
    # From 0 at the north pole to 4 at the south pole; a base pixel spans 2.
    ring = 2 + base // 4 - row - column
    cap = np.minimum(np.minimum(ring, 4 - ring), 1)
    z = np.where(cap < 1, np.sign(2 - ring) * (1 - cap**2 / 3), (2 - ring) * 2 / 3)
    middle = 2 * (base % 4) + (base // 4 != 1)  # in eighths of a turn
    phi = (middle + (column - row) / cap) * np.pi / 4
    across = np.sqrt(1 - z**2)
    return np.stack([across * np.cos(phi), across * np.sin(phi), z], -1)
