"""Masks of the Semantic Boundaries Dataset, which are files of MATLAB 5.

Only the one array is read. SciPy's reader unpacks without a limit, and ends the process
where cells lie in cells some thousand times.
"""

import itertools
import pathlib
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from .records import Mask


MOST = 2**26  # bytes that a file may unpack to; the data set's have half a million
HEAD, MATRIX, COMPRESSED = 128, 14, 15
DTYPES = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"},
    **{7: "f4", 9: "f8", 12: "i8", 13: "u8"},
}


def sbd_mask(path: pathlib.Path) -> Mask:
    """The classes in a .mat file of the Semantic Boundaries Dataset, uint8 `[h, w]`.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is none.
    """
    data = path.read_bytes()
    try:
        return _segmentation(data)
    except (ValueError, StopIteration, struct.error, zlib.error) as error:
        reason = str(error) or "it ends too early"
        raise ValueError(f"{path} holds no GTcls.Segmentation: {reason}.") from error


def _segmentation(data: bytes) -> Mask:
    order = {b"IM": "<", b"MI": ">"}.get(data[HEAD - 2 : HEAD])
    if order is None:
        raise ValueError("it is no file of MATLAB 5")
    for kind, body in _elements(data[HEAD:], order):
        if kind == COMPRESSED:
            kind, body = next(_elements(_unpacked(body), order))
        if kind == MATRIX:
            # Flags, shape and name begin every array.
            parts = _elements(body, order)
            _, _, (_, name) = next(parts), next(parts), next(parts)
            if name == b"GTcls":
                return _numbers(_field(parts, order), order)
    raise ValueError("it has no array of that name")


def _unpacked(body: bytes) -> bytes:
    found = zlib.decompressobj().decompress(body, MOST + 1)
    if len(found) > MOST:
        raise ValueError(f"it unpacks to more than {MOST:,} bytes")
    return found


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of each; four bytes or less lie in the head itself."""
    at = 0
    while at + 8 <= len(data):
        kind, length = struct.unpack_from(f"{order}2I", data, at)
        start, step = at + 8, 8 + length
        if kind >> 16:
            kind, length, start, step = kind & 0xFFFF, kind >> 16, at + 4, 8
        yield kind, data[start : start + length]
        at += step if kind == COMPRESSED else -(-step // 8) * 8


def _field(parts: Iterator[tuple[int, bytes]], order: str) -> bytes:
    """The matrix that a struct has under the name that is looked for."""
    (_, width), (_, names) = next(parts), next(parts)
    (length,) = struct.unpack(f"{order}i", width)
    if length < 1:
        raise ValueError(f"it has names of {length} letters")
    for at, (_, body) in zip(range(0, len(names), length), parts, strict=False):
        if names[at : at + length].rstrip(b"\0") == b"Segmentation":
            return body
    raise ValueError("it has no field of that name")


def _numbers(body: bytes, order: str) -> Mask:
    parts = _elements(body, order)
    _, (_, shape), _, (kind, content) = itertools.islice(parts, 4)
    if len(shape) != 8 or kind not in DTYPES:
        raise ValueError("it is no matrix of numbers")
    height, width = struct.unpack(f"{order}2i", shape)
    values = np.frombuffer(content, order + DTYPES[kind])
    if min(height, width) < 1 or values.size != height * width:
        raise ValueError(f"{height}x{width} numbers were promised, not {values.size}")
    with np.errstate(invalid="ignore"):  # of what is no number
        mask = values.astype(np.uint8)
    if not np.array_equal(mask, values):
        raise ValueError("its numbers are not from 0 to 255")
    return mask.reshape(width, height).T
