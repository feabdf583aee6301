"""Grids made of square faces: each face is padded from the faces that touch it.

The sides of a face are numbered as a quarter turn of `jnp.rot90` moves them on, with
rows drawn downwards:

          1
        +---+
      2 |   | 0
        +---+
          3

All faces are seen from outside (or all from inside), so beyond a side lies another
face, turned by quarters and never mirrored.
"""

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from ..typing import Array


# A face, and by how many quarters it is turned.
Place = tuple[int, int]
# For each face and each of its sides, what lies beyond.
Sides = Sequence[Sequence[Place]]


def pad_faces(
    x: Array, widths: Sequence[tuple[int, int]], sides: Sides, name: str
) -> Array:
    """Adds cells around each face and fills them from its neighbours.

    Where four faces meet, the corner is the face diagonally across. Where three meet
    there is none, and the two halos share the corner: see `_shared_corner`.

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
    faces = lax.reshape(x, (x.shape[0] // len(sides), len(sides), *x.shape[1:]))
    up, left, right, down = (
        _neighbours(faces, _beyond(sides, path), path, width)
        for path in ([1], [2], [0], [3])
    )
    corners = [
        _corner(faces, sides, path, *halos)
        for path, *halos in (
            ([1, 2], up, left),
            ([1, 0], up, right),
            ([3, 2], down, left),
            ([3, 0], down, right),
        )
    ]
    rows = (
        [corners[0], up, corners[1]],
        [left, faces, right],
        [corners[2], down, corners[3]],
    )
    padded = lax.concatenate([lax.concatenate(row, 3) for row in rows], 2)
    rows, columns = ((width - lo, width + n + hi) for lo, hi in widths[1:3])
    return _cut(padded, rows, columns).reshape(
        len(x), rows[1] - rows[0], columns[1] - columns[0], x.shape[-1]
    )


def _check(x: Array, widths: Sequence[tuple[int, int]], faces: int, name: str) -> None:
    shape = f"[batch * {faces}, n, n, channels]"
    if x.ndim != 4 or any(widths[0]) or any(widths[-1]):
        raise ValueError(
            f"{name} pads the two space axes of {shape}, but x has shape {x.shape} and "
            f'widths are {list(widths)}. Write pad(x, widths, "{name}", axes=(1, 2)).'
        )
    if len(x) % faces:
        raise ValueError(
            f"{name}: the first axis of x, of shape {x.shape}, is no multiple of the "
            f"{faces} faces. Expected {shape}, the faces fastest: fold [batch, {faces}, "
            "n, n, channels] with x.reshape(-1, n, n, channels)."
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


def across(sides: Sides, place: Place, side: int) -> Place:
    """Where one comes to from a turned face over the side that now is `side`."""
    face, turns = place
    beyond, more = sides[face][(side - turns) % 4]
    return beyond, (turns + more) % 4


def _beyond(sides: Sides, path: Sequence[int]) -> list[Place | None]:
    """For each face, what lies beyond a side or a corner; None where nothing does."""
    found = []
    for face in range(len(sides)):
        there = back = (face, 0)
        for side, other in zip(path, reversed(path), strict=True):
            there, back = across(sides, there, side), across(sides, back, other)
        found.append(there if there == back else None)
    return found


def _neighbours(
    faces: Array, places: Sequence[Place | None], path: Sequence[int], width: int
) -> Array:
    """The strips that touch, for a run of faces, turned as these see them."""
    n = faces.shape[2]
    low, high, whole = (0, width), (n - width, n), (0, n)
    rows = high if 1 in path else low if 3 in path else whole
    columns = high if 2 in path else low if 0 in path else whole
    strips = []
    for place in places:
        assert place is not None
        face, turns = place
        strip = lax.slice_in_dim(faces, face, face + 1, axis=1)
        strip = _cut(strip, *_before_turning(rows, columns, turns, n))
        strips.append(jnp.rot90(strip, turns, axes=(2, 3)))
    return lax.concatenate(strips, 1)


def _before_turning(
    rows: tuple[int, int], columns: tuple[int, int], turns: int, n: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where a window of a turned face is in the face."""
    for _ in range(turns):
        rows, columns = columns, (n - rows[1], n - rows[0])
    return rows, columns


def _corner(
    faces: Array, sides: Sides, path: list[int], above: Array, beside: Array
) -> Array:
    """One corner of every face: from the face across, or else of the halos."""
    width = above.shape[2]
    turned = [axis for axis, side in ((2, 3), (3, 0)) if side in path]
    shared = lax.rev(
        _shared_corner(lax.rev(above, turned), lax.rev(beside, turned)), turned
    )
    pieces, first = [], 0
    places = _beyond(sides, path)
    for there, run in itertools.groupby(places, key=lambda place: place is not None):
        last = first + len(run := list(run))
        if there:
            pieces.append(_neighbours(faces, run, path, width))
        else:
            pieces.append(lax.slice_in_dim(shared, first, last, axis=1))
        first = last
    return lax.concatenate(pieces, 1)


def _shared_corner(above: Array, beside: Array) -> Array:
    """The upper left corner where no face is: the halos above and to the left fill it.

    The mean of the two on the diagonal. Off it the plane of the face goes on into
    one of them, at the same depth and as far from the side where they touch:

          m p q | p q r        p q r, s: the halo above, s nearest to the face
          u m s | s .          u, v: the halo to the left, v nearest
          u v m |
          ------+------
          u v     face
    """
    width = above.shape[2]
    block = _cut(above, (0, 0), (0, 0))
    for d in range(width):
        depth = (width - 1 - d, width - d)
        mean = _cut(above, depth, (0, 1)) / 2 + _cut(beside, (0, 1), depth) / 2
        top = lax.concatenate([mean, _cut(above, depth, (0, d))], 3)
        rest = lax.concatenate([_cut(beside, (0, d), depth), block], 3)
        block = lax.concatenate([top, rest], 2)
    return block


def _cut(x: Array, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
    """Rows and columns of `[batch, faces, rows, columns, channels]`."""
    x = lax.slice_in_dim(x, *rows, axis=2)
    return lax.slice_in_dim(x, *columns, axis=3)
