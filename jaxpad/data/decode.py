"""From the bytes of an image file to pixels, whatever the file holds.

JPEG goes to libjpeg-turbo (simplejpeg), which can shrink in the DCT; resizing is
OpenCV's. All other files, and JPEGs that it refuses, go to PIL, and so does everything
where one of the two libraries is missing, after one warning.
"""

import io
import types

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from .records import MOST_PIXELS, Mask, Pixels
from .resize import fast_libraries, resize, resize_between


# Rows from the top, columns from the left, height, width; whole pixels.
Box = tuple[int, int, int, int]

# What is read. PIL knows many more, of which some run other programs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
JPEG = b"\xff\xd8\xff"
START_OF_SCAN = b"\xda"
EXIF = b"Exif\x00\x00"


def image_size(image: bytes | Pixels) -> tuple[int, int]:
    """Height and width, pixels, the right way up; of a file from its header alone.

    Raises:
        ValueError: if the bytes are no image, or one of too many pixels.
    """
    if isinstance(image, np.ndarray):
        return image.shape[0], image.shape[1]
    found = fast_libraries()
    if found and image.startswith(JPEG) and not _may_be_turned(image):
        try:
            height, width, *_ = found[0].decode_jpeg_header(image)
        except ValueError:  # PIL takes some that it does not
            pass
        else:
            _check_pixels(height, width)
            return height, width
    with _opened(image) as opened:
        width, height = opened.size
        turned = _orientation(opened) in (5, 6, 7, 8)
    return (width, height) if turned else (height, width)


def decode(image: bytes | Pixels) -> Pixels:
    """All pixels of an image, uint8 `[h, w, c]`; of a file RGB, the right way up.

    Grey is repeated; CMYK becomes RGB; of 16 bits the upper 8 stay; transparency is
    dropped; the orientation that a camera wrote (EXIF) is obeyed.

    Raises:
        ValueError: if the bytes are no image, end too early, or are one of more than
            89 million pixels.
    """
    if isinstance(image, np.ndarray):
        return image
    return _decode_scaled(image, 1)


def read_box(image: bytes | Pixels, box: Box, size: tuple[int, int]) -> Pixels:
    """The pixels in a box of an image, resized.

    A JPEG is decoded at 1/2, 1/4 or 1/8 where that still leaves the box no smaller
    than `size`. The rest of the way is bilinear at half-pixel centres, or by means over
    areas where it shrinks more than 2.5 times.

    Args:
        image: a file's bytes or pixels `[h, w, c]`.
        box: (top, left, height, width), pixels of the upright image, inside it.
        size: height and width of the result.

    Returns:
        uint8 `[*size, c]`.

    Example:
        >>> ramp = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
        >>> read_box(ramp, (0, 0, 4, 4), (2, 2))[..., 0]
        array([[ 3,  5],
               [11, 13]], dtype=uint8)
    """
    top, left, height, width = box
    if isinstance(image, np.ndarray):
        return resize(image[top : top + height, left : left + width], size)
    factor = 1
    found = fast_libraries()
    if found and image.startswith(JPEG):
        while factor < 8 and min(height / size[0], width / size[1]) >= 2 * factor:
            factor *= 2
    pixels = _decode_scaled(image, factor)
    if found and any(edge % factor for edge in box):
        return resize_between(found[1], pixels, np.asarray(box) / factor, size)
    top, left, height, width = (edge // factor for edge in box)
    return resize(pixels[top : top + height, left : left + width], size)


def read_mask(target: bytes | Mask) -> Mask:
    """The class of each pixel, `[h, w]`; of a palette the numbers, not the colours.

    Raises:
        ValueError: if the bytes are no image of one channel.
    """
    if isinstance(target, np.ndarray):
        return target
    with _opened(target) as opened:
        if opened.mode not in ("P", "L", "1", "I;16", "I"):
            raise ValueError(
                f"the mask has mode {opened.mode!r}: expected one channel, which holds "
                "the number of each pixel's class."
            )
        pixels = _loaded(opened)
    return pixels.astype(np.int32) if pixels.dtype != np.uint8 else pixels


def _decode_scaled(data: bytes, factor: int) -> Pixels:
    """RGB pixels at 1 / factor of the size, upright."""
    found = fast_libraries()
    if found and data.startswith(JPEG) and not _may_be_turned(data):
        try:
            image_size(data)  # raises for too many pixels
            return _turbo(found[0], data, factor)
        except ValueError:
            # CMYK, or a flaw that others repair: PIL says whether it is an error.
            pass
    with _opened(data) as opened:
        if factor > 1:
            return _shrunk(_rgb(opened), factor)
        return _rgb(opened)


def _turbo(simplejpeg: types.ModuleType, data: bytes, factor: int) -> Pixels:
    if factor == 1:
        return simplejpeg.decode_jpeg(data)
    height, width, *_ = simplejpeg.decode_jpeg_header(data)
    return simplejpeg.decode_jpeg(
        data, min_height=-(-height // factor), min_width=-(-width // factor)
    )


def _shrunk(pixels: Pixels, factor: int) -> Pixels:
    height, width = pixels.shape[:2]
    return resize(pixels, (-(-height // factor), -(-width // factor)))


def _may_be_turned(data: bytes) -> bool:
    """Whether a JPEG has an EXIF segment; it walks over those before the image."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != START_OF_SCAN:
        if data[at + 4 : at + 10] == EXIF:
            return True
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return False


def _opened(data: bytes) -> Image.Image:
    try:
        opened = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(_too_many(str(error))) from error
    except Exception as error:  # PIL's plug-ins raise what they like
        raise ValueError(
            f"{len(data)} bytes that begin with {data[:8]!r} are no image that can be "
            f"read: expected {', '.join(FORMATS)}."
        ) from error
    _check_pixels(opened.height, opened.width)
    return opened


def _check_pixels(height: int, width: int) -> None:
    if height * width > MOST_PIXELS:
        raise ValueError(_too_many(f"{height}x{width} (height x width)"))


def _too_many(claim: str) -> str:
    return (
        f"the image file claims too many pixels: {claim}; at most {MOST_PIXELS:,} are "
        'decoded. Make it smaller, or leave it out: config.on_error="skip".'
    )


def _loaded(opened: Image.Image) -> np.ndarray:
    try:
        return np.asarray(opened)
    except Exception as error:
        raise ValueError(f"the image file is broken: {error}.") from error


def _orientation(opened: Image.Image) -> int:
    """What the camera wrote, from 1, upright, to 8."""
    # Where the head of a PNG has none, PIL would decode all of it to look behind.
    if opened.format == "PNG" and "exif" not in opened.info:
        return 1
    try:
        return int(opened.getexif().get(0x0112, 1))
    except Exception:  # broken, or no number: the image is none the worse for it
        return 1


def _rgb(opened: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    orientation = _orientation(opened)
    pixels = _loaded(opened)
    if opened.mode.startswith("I;16"):
        pixels = np.repeat((pixels >> 8).astype(np.uint8)[..., None], 3, -1)
        return _upright(pixels, orientation)
    if opened.mode in ("I", "F"):
        raise ValueError(
            f"the image has {opened.mode!r} pixels of 32 bits, whose white is unknown: "
            "save it with 8 or 16 bits."
        )
    return _upright(np.asarray(opened.convert("RGB")), orientation)


def _upright(
    pixels: UInt8[np.ndarray, "h w 3"], orientation: int
) -> UInt8[np.ndarray, "_ _ 3"]:
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
