"""Image files for tests, made from photographs of the install."""

import functools
import io
from typing import Any

import numpy as np
from PIL import Image


@functools.cache
def photograph(height: int, width: int, which: str = "astronaut") -> np.ndarray:
    """RGB uint8 `[height, width, 3]`."""
    from skimage import data

    whole = Image.fromarray(getattr(data, which)()).convert("RGB")
    return np.asarray(whole.resize((width, height)))


def encoded(pixels: np.ndarray, kind: str = "jpeg", **options: Any) -> bytes:
    """The bytes of an image file."""
    return saved(Image.fromarray(pixels), kind, **options)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    if kind == "jpeg":
        options = {"quality": 95, "subsampling": 0, **options}
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def palette(mask: np.ndarray) -> bytes:
    """A PNG of numbers that stand for colours, as Pascal VOC's masks."""
    height, width = mask.shape
    image = Image.frombytes("P", (width, height), mask.astype(np.uint8).tobytes())
    image.putpalette([value for n in range(256) for value in (n, 255 - n, 7)])
    return saved(image, "png")
