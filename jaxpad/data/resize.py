"""Resizing pixels, with OpenCV or, where it or simplejpeg is missing, with PIL."""

import functools
import types
import warnings

import numpy as np
from jaxtyping import Float
from PIL import Image

from .records import Pixels


@functools.cache
def fast_libraries() -> tuple[types.ModuleType, types.ModuleType] | None:
    """simplejpeg and OpenCV; None where one is missing, said once."""
    try:
        import cv2
        import simplejpeg
    except ImportError as error:
        warnings.warn(
            f"decoding with PIL, at half the speed: {error}. "
            "pip install simplejpeg opencv-python-headless",
            stacklevel=2,
        )
        return None
    # Every reading process has the cores of the others to leave alone.
    cv2.setNumThreads(1)
    return simplejpeg, cv2


def decoder_name() -> str:
    """What decodes and resizes here: other libraries give other last digits."""
    return "turbo" if fast_libraries() else "pil"


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Pixels `[h, w, c]` as `[*size, c]`; bilinear, or means over areas."""
    if pixels.shape[:2] == size:
        return pixels
    found = fast_libraries()
    if found is None:
        return _resize_pil(pixels, size)
    cv2 = found[1]
    shrink = max(pixels.shape[0] / size[0], pixels.shape[1] / size[1])
    # Two pixels of three would leave too much unseen; the areas take six times as long.
    how = cv2.INTER_AREA if shrink > 2.5 else cv2.INTER_LINEAR
    wide = (size[1], size[0])
    resized = cv2.resize(pixels, wide, interpolation=how)
    return resized.reshape(*size, pixels.shape[-1])


def resize_between(
    cv2: types.ModuleType,
    pixels: Pixels,
    box: Float[np.ndarray, "4"],
    size: tuple[int, int],
) -> Pixels:
    """As `resize`, of a box whose edges lie between pixels; bilinear."""
    top, left, height, width = map(float, box)
    down, right = height / size[0], width / size[1]
    # From a new pixel's number to its middle's place, in numbers of the old ones.
    places = np.asarray(
        [[right, 0, left + right / 2 - 0.5], [0, down, top + down / 2 - 0.5]]
    )
    return cv2.warpAffine(
        np.ascontiguousarray(pixels),
        places,
        (size[1], size[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _resize_pil(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    layers = [
        Image.fromarray(np.ascontiguousarray(pixels[..., channel])).resize(
            (size[1], size[0]), Image.Resampling.BILINEAR
        )
        for channel in range(pixels.shape[-1])
    ]
    return np.stack([np.asarray(layer) for layer in layers], -1)
