"""The sphere on the six faces of a cube."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from ..typing import AnyArray, Array
from .catalogue import MODES
from .faces import Sides, pad_faces


# What lies beyond sides 0, 1, 2, 3 (right, above, left, below) of each face: the face
# and its quarter turns.
SIDES: Sides = (
    ((1, 0), (4, 0), (3, 0), (5, 0)),
    ((2, 0), (4, 3), (0, 0), (5, 1)),
    ((3, 0), (4, 2), (1, 0), (5, 2)),
    ((0, 0), (4, 1), (2, 0), (5, 3)),
    ((1, 1), (2, 2), (3, 3), (0, 0)),
    ((1, 3), (0, 0), (3, 1), (2, 2)),
)
# The middle of each face, where its columns go, and where its rows go.
FRAMES = (
    ((1, 0, 0), (0, 1, 0), (0, 0, -1)),
    ((0, 1, 0), (-1, 0, 0), (0, 0, -1)),
    ((-1, 0, 0), (0, -1, 0), (0, 0, -1)),
    ((0, -1, 0), (1, 0, 0), (0, 0, -1)),
    ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
    ((0, 0, -1), (0, 1, 0), (-1, 0, 0)),
)


@MODES.register(laws=["interior", "identity", "affine", "transforms", "dtype"])
def cube_sphere(
    x: Shaped[AnyArray, "..."], widths: Sequence[tuple[int, int]]
) -> Shaped[Array, "..."]:
    """333|0000|111

    For a globe on the six faces of a cube: each is padded from its neighbours. Takes
    `[batch * 6, n, n, channels]`, the faces fastest; a layer folds
    `[batch, 6, n, n, channels]` by itself. Face 0 is about the direction x, 1 about y
    and 4 about z, the north. Seen from outside, with rows downwards:

    ```text
    +---+
    | 4 |
    +---+---+---+---+
    | 0 | 1 | 2 | 3 |
    +---+---+---+---+
    | 5 |
    +---+
    ```

    Three faces meet in a corner, so no face lies across it. On its diagonal is the mean
    of the two halos beside it; off the diagonal the plane of the face goes on into one
    of them (Karlbauer et al., 2023, appendix A2). Both axes at once, at most n wide.
    `cube_sphere_points` gives the cell centres.
    """
    return pad_faces(jnp.asarray(x), widths, SIDES, "cube_sphere")


def cube_sphere_points(n: int) -> Float[np.ndarray, "6 n n 3"]:
    """The centres of the cells of a cube sphere, as unit vectors.

    `(c + tan(a) u + tan(b) v) / |...|` with the angles `a` and `b` of the column and
    of the row equally spaced (equiangular), and `c`, `u`, `v` the middle of the face
    and the directions of its columns and rows.

    Args:
        n: cells along a side.

    Returns:
        `[6, n, n, 3]`, float64: x, y, z of face, row, column.

    Example:
        >>> cube_sphere_points(1)[:, 0, 0].round().astype(int).tolist()
        [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]

    "The Cubed Sphere", Ronchi, Iacono and Paolucci, 1996.
    """
    middle, u, v = np.moveaxis(np.array(FRAMES, float), 1, 0)[:, :, None, None]
    along = np.tan(((np.arange(n) + 0.5) / n - 0.5) * np.pi / 2)
    points = middle + along[:, None] * u + along[:, None, None] * v
    return points / np.linalg.norm(points, axis=-1, keepdims=True)
