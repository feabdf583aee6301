"""Images as data URIs, scaled down to what a page can show."""

import io

import matplotlib.image
import numpy as np

from jaxpad.reports.figure import data_uri


EXACT = 128  # pixels of the longer side of images that are stored as they are


def pixels(image: np.ndarray) -> str:
    """Stores an image: pixel by pixel if it is small, else as a good JPEG.

    A photograph as a PNG is several times larger, and slow to write.

    Args:
        image: uint8 [h, w, 1 or 3].

    Returns:
        A data URI.
    """
    buffer, colours = io.BytesIO(), np.broadcast_to(image, (*image.shape[:2], 3))
    if max(image.shape) <= EXACT:
        named = {"Software": "jaxpad"}  # else matplotlib's version stands there
        matplotlib.image.imsave(buffer, colours, format="png", metadata=named)
        return data_uri("image/png", buffer.getvalue())
    # Without subsampling, colours of masks end where their classes do.
    options = {"quality": 88, "subsampling": 0}
    matplotlib.image.imsave(buffer, colours, format="jpeg", pil_kwargs=options)
    return data_uri("image/jpeg", buffer.getvalue())


def shrink(image: np.ndarray, most: int) -> np.ndarray:
    """Scales an image down to what a page can show, each pixel a mean of those there.

    Args:
        image: uint8 [h, w, channels].
        most: pixels of the longer side; a smaller image stays as it is.

    Returns:
        Uint8 [h', w', channels].

    Example:
        >>> shrink(np.asarray([[[0], [2], [8], [8]]], np.uint8), 2).ravel().tolist()
        [1, 8]
    """
    total = image.astype(float)
    for axis, size in enumerate(shrunk(image.shape[:2], most)):
        starts = np.arange(size) * image.shape[axis] // size
        counts = np.diff(np.append(starts, image.shape[axis]))
        counts = counts[:, None, None] if axis == 0 else counts[:, None]
        total = np.add.reduceat(total, starts, axis) / counts
    return np.round(total).astype(np.uint8)


def shrink_mask(mask: np.ndarray, most: int) -> np.ndarray:
    """Scales a mask as `shrink` an image: the label in the middle of each pixel.

    Args:
        mask: [h, w].
        most: pixels of the longer side.

    Returns:
        [h', w'], with the same labels or fewer.
    """
    rows, columns = (
        (2 * np.arange(size) + 1) * old // (2 * size)
        for size, old in zip(shrunk(mask.shape, most), mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def shrunk(shape: tuple[int, ...], most: int) -> tuple[int, ...]:
    """The size of an image whose longer side is at most so long.

    Example:
        >>> shrunk((1024, 2048), 512), shrunk((64, 48), 512)
        ((256, 512), (64, 48))
    """
    longer = max(most, *shape)
    return tuple(max(1, side * most // longer) for side in shape)
