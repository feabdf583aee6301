"""Grids made of square faces: each face is padded from the faces that touch it.

The sides of a face are numbered as a quarter turn of `jnp.rot90` moves them on, with
rows drawn downwards; a corner has the number of the side before it:

        1   1   0
          +---+
        2 |   | 0
          +---+
        2   3   3

All faces are seen from outside (or all from inside), so beyond a side lies another
face, turned by quarters and never mirrored.
"""

import functools
import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from ..typing import Array
from .rules import cells, source


# A face, and by how many quarters it is turned.
Place = tuple[int, int]
# For each face and each of its sides, what lies beyond.
Sides = Sequence[Sequence[Place]]


def pad_faces(
    x: Array, widths: Sequence[tuple[int, int]], sides: Sides, name: str
) -> Array:
    """Adds cells around each face and fills them from its neighbours.

    Where four faces meet, the corner is the face diagonally across. Where three meet
    there is none, and the two halos share the corner: see `_shared_corners`.

    Args:
        x: `[batch * faces, n, n, channels]`, the faces fastest.
        widths: cells to add, `(lo, hi)` per axis; none on batch and channels.
        sides: how the faces touch.
        name: of the mode, for errors.

    Raises:
        ValueError: for another shape, or a width that is more than n.
    """
    if not any(map(any, widths)):
        return x
    _check(x, widths, len(sides), name)
    n, width = x.shape[1], max(max(pair) for pair in widths)
    faces = lax.reshape(x, (len(x) // len(sides), len(sides), *x.shape[1:]))
    padded = _pad_all_round(faces, width, sides)
    rows, columns = ((width - lo, width + n + hi) for lo, hi in widths[1:3])
    padded = _cut(padded, rows, columns)
    return lax.reshape(padded, (len(x), *padded.shape[2:]))


def _check(x: Array, widths: Sequence[tuple[int, int]], faces: int, name: str) -> None:
    shape = f"[batch * {faces}, n, n, channels]"
    if x.ndim != 4 or any(widths[0]) or any(widths[-1]):
        raise ValueError(
            f"{name} pads the two space axes of {shape}, but x has shape {x.shape} and "
            f'widths are {list(widths)}. Write pad(x, widths, "{name}", axes=(1, 2)).'
        )
    if len(x) % faces:
        raise ValueError(
            f"{name}: x has shape {x.shape}, whose first axis is no multiple of the "
            f"{faces} faces. Expected {shape}, the faces fastest: fold "
            f"[batch, {faces}, n, n, channels] with x.reshape(-1, n, n, channels)."
        )
    n, columns = x.shape[1:3]
    if n != columns:
        raise ValueError(
            f"{name}: faces are square, but x has shape {x.shape}. It pads both axes "
            f'at once: if it stands in a tuple of modes, write mode="{name}" alone.'
        )
    if (widest := max(max(pair) for pair in widths)) > n:
        raise ValueError(
            f"width {widest} is too wide for {name}: a face of {n} x {n} cells has "
            f"neighbours of {n}. Use a smaller width or a finer grid."
        )
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        raise ValueError(
            f"{name} fills corners with means, which an array of {x.dtype} cannot "
            "hold; convert it first, for example with x.astype(jnp.float32)."
        )


# Jitted because it is many small steps.
@functools.partial(jax.jit, static_argnums=(1, 2))
def _pad_all_round(faces: Array, width: int, sides: Sides) -> Array:
    """Pads `[batch, faces, n, n, channels]` by as much on every side.

    On the way the axis of the faces has those of side 0, then those of side 1, and so
    on, each turned so that this side is on the right.
    """
    n, count = faces.shape[2], len(sides)
    strips = [_cut(_turned(faces, -s), (0, n), (n - width, n)) for s in range(4)]
    around = _turned(lax.concatenate(strips, 1), 2)  # as a face beyond sees them
    places = list(itertools.product(range(4), range(count)))
    halos = _chosen(around, [_beyond(sides, face, [s]) for s, face in places])
    following = _chosen(halos, [*range(count, 4 * count), *range(count)])
    shared = _shared_corners(_turned(following, 1), halos)
    across = _cut(around, (n - width, n), (0, width))
    corners = _chosen(
        lax.concatenate([shared, across], 1),
        [
            here if there is None else 4 * count + there
            for here, (s, face) in enumerate(places)
            for there in [_beyond(sides, face, [s, (s + 1) % 4])]
        ],
    )
    right, up, left, down = _back(halos)
    up_right, up_left, down_left, down_right = _back(corners)
    rows = (
        [up_left, up, up_right],
        [left, faces, right],
        [down_left, down, down_right],
    )
    return lax.concatenate([lax.concatenate(row, 3) for row in rows], 2)


def _beyond(sides: Sides, face: int, path: Sequence[int]) -> int | None:
    """What touches a side of a face, or the corner of two: `side * faces + face`.

    None where the two ways around a corner do not meet in one face.
    """
    there, other = (_walk(sides, face, way) for way in (path, path[::-1]))
    if there != other:
        return None
    beyond, turns = there
    return (path[0] + 2 - turns) % 4 * len(sides) + beyond


def _walk(sides: Sides, face: int, path: Sequence[int]) -> Place:
    turns = 0
    for side in path:
        face, more = sides[face][(side - turns) % 4]
        turns += more
    return face, turns % 4


def _shared_corners(above: Array, right: Array) -> Array:
    """Upper right corners where no face is: the halos above and to the right fill them.

    The mean of the two on the diagonal. Off it the plane of the face goes on into one
    of them, at the same depth and as far from the side where the two touch:

        . q r | q r m        q, r, s: the halo above, s nearest to the face
        . . s | s m w        v, w, z: the halo to the right, v nearest
        . . . | m v z        m: means, of what is nearest to the corner
        ------+------
         face | v w .
              | . z .
    """
    n, width = above.shape[3], above.shape[2]
    block = _cut(above, (0, 0), (0, 0))
    for d in range(width):
        row = _cut(above, (width - 1 - d, width - d), (n - d, n))
        column = _cut(right, (0, d), (d, d + 1))
        last = _cut(above, (width - 1 - d, width - d), (n - 1, n))
        mean = last / 2 + _cut(right, (0, 1), (d, d + 1)) / 2
        top = lax.concatenate([row, mean], 3)
        block = lax.concatenate([top, lax.concatenate([block, column], 3)], 2)
    return block


def _chosen(faces: Array, numbers: Sequence[int | None]) -> Array:
    """Faces by their numbers, from slices rather than a gather."""
    order = source(lambda i, _: numbers[i])
    return lax.concatenate(cells(order, faces, 1, range(len(numbers))), 1)


def _back(quarters: Array) -> list[Array]:
    """The four sides of all faces, each where it belongs."""
    return [_turned(side, s) for s, side in enumerate(jnp.split(quarters, 4, axis=1))]


def _turned(faces: Array, quarters: int) -> Array:
    return jnp.rot90(faces, quarters, axes=(2, 3))


def _cut(faces: Array, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
    """Rows and columns of `[batch, faces, rows, columns, channels]`."""
    faces = lax.slice_in_dim(faces, *rows, axis=2)
    return lax.slice_in_dim(faces, *columns, axis=3)
