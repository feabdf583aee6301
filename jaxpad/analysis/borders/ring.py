"""Rings and rectangles of an image, as masks."""

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped


def border_distance(height: int, width: int) -> Int[np.ndarray, "h w"]:
    """Cells between each cell and the nearest border: 0 in the outermost ring.

    `d(i, j) = min(i, h - 1 - i, j, w - 1 - j)`, the Chebyshev distance to the nearest
    cell beyond the image, less one.

    Example:
        >>> border_distance(3, 5)
        array([[0, 0, 0, 0, 0],
               [0, 1, 1, 1, 0],
               [0, 0, 0, 0, 0]])
    """
    rows, columns = (
        np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (height, width)
    )
    return np.minimum(rows[:, None], columns[None, :])


def central(height: int, width: int, part: float) -> Bool[np.ndarray, "h w"]:
    """True in the central rectangle that takes `part` of each side, to whole cells.

    A larger part holds all of a smaller one.

    Raises:
        ValueError: for a part that is not from 0 to 1.

    Example:
        >>> central(4, 4, 0.5).astype(int)
        array([[0, 0, 0, 0],
               [0, 1, 1, 0],
               [0, 1, 1, 0],
               [0, 0, 0, 0]])
    """
    if not 0 <= part <= 1:
        raise ValueError(f"part={part}: expected 0 (nothing) to 1 (all of the image).")
    mask, inner = np.zeros((height, width), bool), []
    for n in (height, width):
        size = round(part * n)
        inner.append(slice((n - size) // 2, (n - size) // 2 + size))
    mask[tuple(inner)] = True
    return mask


def border_ring(height: int, width: int, ring: int = 1) -> Bool[np.ndarray, "h w"]:
    """True in the outermost `ring` cells on each side.

    Example:
        >>> border_ring(3, 4).sum()
        np.int64(10)
    """
    mask = np.ones((height, width), bool)
    mask[ring : height - ring, ring : width - ring] = False
    return mask


def border_share(
    images: Shaped[np.ndarray, "n h w c"], ring: int = 1
) -> Float[np.ndarray, " n"]:
    """The part of each image's intensity that lies in its outermost ring.

    `share = sum(ring) / sum(image)`, and 0 for an image of zeros. Where the
    background is zero this says how near the border the object reaches.

    Args:
        images: `[n, h, w, c]`, not negative.
        ring: cells on each side that count as border.

    Returns:
        float64 `[n]`, from 0 to 1.
    """
    images = np.asarray(images, np.float64)
    total = images.sum(axis=(1, 2, 3))
    mask = border_ring(images.shape[1], images.shape[2], ring)
    near = (images * mask[None, :, :, None]).sum(axis=(1, 2, 3))
    return np.divide(near, total, out=np.zeros_like(near), where=total > 0)
