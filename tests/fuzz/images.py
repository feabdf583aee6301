"""Fuzzed: the bytes of image files, with both decoders."""

import contextlib
import struct
import zlib
from collections.abc import Iterator
from unittest import mock

import numpy as np
from PIL import Image

from jaxpad.data import decode as decoding, resize as resizing
from jaxpad.data.crops import random_resized_crop
from jaxpad.data.decode import decode, image_size, read_mask
from tests.data.files import encoded, palette, photograph, saved
from tests.fuzz.grammar import ODD_NUMBERS, PIECES, Random, made, mutated
from tests.fuzz.law import Target, told


PHOTO = photograph(12, 17)
IMAGE = Image.fromarray(PHOTO)
EXIF = Image.Exif()
EXIF[0x0112] = 6
VALID = [
    *(encoded(PHOTO, kind) for kind in ("jpeg", "png", "bmp", "webp", "tiff", "gif")),
    saved(IMAGE, "tiff", compression="tiff_lzw"),
    saved(IMAGE, "jpeg", exif=EXIF.tobytes(), progressive=True),
    saved(IMAGE.convert("CMYK"), "jpeg"),
    saved(IMAGE.convert("L"), "png"),
    saved(IMAGE.convert("1"), "png"),
    encoded(PHOTO[..., 0].astype(np.uint16) * 256, "png"),
    saved(IMAGE, "ppm"),
    palette(PHOTO[..., 0] % 21),
]
# Sizes that no image has, and whole chunks of a PNG with right sums.
SIZES = [struct.pack(f"{order}I", n % 2**32) for n in ODD_NUMBERS for order in "<>"]


def chunk(kind: bytes, data: bytes) -> bytes:
    return (
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
    )


BOMB = zlib.compress(bytes(2**22))
CHUNKS = [
    chunk(b"IHDR", struct.pack(">2I5B", 60_000, 60_000, 8, 2, 0, 0, 0)),
    chunk(b"IHDR", struct.pack(">2I5B", 17, 12, 16, 6, 0, 0, 1)),
    chunk(b"zTXt", b"a\0\0" + BOMB),
    chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB),
    chunk(b"iCCP", b"a\0\0" + BOMB),
    chunk(b"IDAT", BOMB),
    chunk(b"eXIf", b"MM\0*" + bytes(40)),
    chunk(b"PLTE", bytes(9)),
    chunk(b"IEND", b""),
]


def make(rng: Random, changes: int) -> tuple[bool, bytes]:
    data = rng.choice(VALID)
    if rng.random() < 0.3:  # right after the head of a PNG
        data = encoded(PHOTO, "png")
        at = rng.choice((8, 33))
        data = data[:at] + rng.choice(CHUNKS) + data[at if at > 8 else 33 :]
    return rng.random() < 0.5, mutated(rng, changes, data, [*PIECES, *SIZES, *CHUNKS])


@contextlib.contextmanager
def only_pil(on: bool) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for module in (decoding, resizing) if on else ():
            stack.enter_context(
                mock.patch.object(module, "fast_libraries", return_value=None)
            )
        yield


def check(case: tuple[bool, bytes]) -> None:
    without, data = case

    def names(said: str) -> bool:
        return "image" in said or "mask" in said

    with only_pil(without):
        size = told(lambda: image_size(data), names)
        pixels = told(lambda: decode(data), names)
        if pixels is not None:
            assert pixels.shape == (*size, 3), (pixels.shape, size)
            rng = np.random.default_rng(0)
            cut = told(lambda: random_resized_crop(data, None, rng, size=8), names)
            assert cut is None or cut[0].shape == (8, 8, 3)
        mask = told(lambda: read_mask(data), names)
        assert mask is None or mask.ndim == 2


TARGET = Target("image bytes", 800, made(make), check)
