"""What happens near the border of an image, as pure functions of arrays."""

import numpy as np
from jaxtyping import Bool, Float, Shaped


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
