"""How near the border an image's intensity lies."""

import numpy as np

from jaxpad.analysis import border_ring, border_share


def test_ring_counts():
    assert border_ring(5, 7, 1).sum() == 5 * 7 - 3 * 5
    assert border_ring(5, 7, 2).sum() == 5 * 7 - 1 * 3
    assert border_ring(4, 4, 9).all()


def test_share_equals_a_loop():
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 2), dtype=np.uint8)
    for image, share in zip(images, border_share(images), strict=True):
        near = sum(
            int(image[r, c].sum())
            for r in range(6)
            for c in range(5)
            if r in (0, 5) or c in (0, 4)
        )
        np.testing.assert_allclose(share, near / image.sum(dtype=int))


def test_empty_image_has_no_share():
    assert border_share(np.zeros((1, 3, 3, 1), np.uint8)) == 0
