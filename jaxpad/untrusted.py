"""Text and files that someone else may have written: read, and never run.

Literals are parsed, not evaluated; arrays are read without pickle; what unpacks to far
more than its file, and a path that leaves its folder, are refused.
"""

import ast
import contextlib
import json
import os
import pathlib
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np


DEEPEST = 100  # levels of JSON; Python's own limit depends on what is called
LONGEST = 10_000  # characters of a literal; deeper nesting can end the interpreter
# An archive may unpack to so many bytes, or to so many times its size.
UNPACKED, RATIO = 2**30, 16


@contextlib.contextmanager
def parsing(text: str) -> Iterator[None]:
    """Every error that Python's parser has for a text becomes a ValueError."""
    if len(text) > LONGEST:
        raise ValueError(
            f"a text of {len(text):,} characters that begins with {text[:40]!r}: "
            f"expected at most {LONGEST:,}."
        )
    try:
        yield
    # Brackets in brackets end in a MemoryError or a RecursionError, and a list among
    # the keys of a dict in a TypeError.
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        reason = str(error) or "it is nested too deeply"
        raise ValueError(reason) from error


def literal(text: str) -> Any:
    """The Python literal in a text; nothing in it is evaluated.

    Raises:
        ValueError: if it is none.

    Example:
        >>> literal("('reflect', 1.5)")
        ('reflect', 1.5)
    """
    with parsing(text):
        return ast.literal_eval(text)


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not JSON, or something else than an object.
    """
    return json_object(path.read_bytes(), str(path))


def read_json_list(path: pathlib.Path) -> list[Any]:
    """The list in a JSON file.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not JSON, or something else than a list.
    """
    return _of_kind(path.read_bytes(), str(path), list, "a list")


def json_object(text: bytes, what: str) -> dict[str, Any]:
    """The object that JSON stands for.

    Args:
        text: UTF-8.
        what: it is, for errors.

    Raises:
        ValueError: if it is not JSON, or something else than an object.
    """
    return _of_kind(text, what, dict, "an object")


def _of_kind(text: bytes, what: str, kind: type, name: str) -> Any:
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"{what} is nested too deeply.") from error
    except ValueError as error:
        raise ValueError(f"{what} is not JSON: {error}") from error
    if text.count(b"{") + text.count(b"[") > DEEPEST and _is_deep(value):
        raise ValueError(f"{what} is nested too deeply: more than {DEEPEST} levels.")
    if not isinstance(value, kind):
        raise ValueError(f"{what} holds a {type(value).__name__}; expected {name}.")
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inner(outer)]
    return bool(level)


def _inner(value: Any) -> list[Any]:
    values = value.values() if isinstance(value, dict) else value
    return [v for v in values if isinstance(v, dict | list)]


def read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The arrays in a file of NumPy's npz format, by name.

    Sizes that the file claims are looked at before anything is unpacked.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is none, is damaged, holds objects (pickles), or claims more
            than 1 GiB and 16 times its size.
    """
    most = max(UNPACKED, RATIO * path.stat().st_size)
    # Opened here, for what cannot be opened is another error than what is damaged.
    with path.open("rb") as file:
        try:
            return _arrays(file, most)
        except Exception as error:  # zipfile, zlib and NumPy have errors of their own
            reason = f"{path} is no npz file, or is damaged: {error}"
            raise ValueError(reason) from error


def _arrays(file: BinaryIO, most: int) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        claimed = sum(entry.file_size for entry in entries)
        if claimed > most:
            raise ValueError(
                f"it claims {claimed:,} bytes unpacked, and at most {most:,} are: if "
                "it is yours, write it again with numpy.savez, which does not compress"
            )
        return {e.filename.removesuffix(".npy"): _array(archive, e) for e in entries}


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """One array, whose head claims no more than there is: NumPy allocates that much."""
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise ValueError(f"{entry.filename} has the unknown version {version}")
        shape, _, dtype = read(file)
    claimed = dtype.itemsize
    for length in shape:
        claimed *= length
    if claimed > entry.file_size or min(shape, default=0) < 0:
        raise ValueError(
            f"{entry.filename} claims the shape {shape} of {dtype}, and holds "
            f"{entry.file_size:,} bytes"
        )
    with archive.open(entry) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def inside(folder: str | pathlib.Path, path: str) -> pathlib.Path:
    """A path that a list or manifest names, which may not lead out of its folder.

    Args:
        folder: where the list's paths begin.
        path: what the list says.

    Raises:
        ValueError: if it is absolute or has ".." in it.

    Example:
        >>> inside("data", "train/1.png").as_posix()
        'data/train/1.png'
    """
    parts = pathlib.PurePath(path)
    if parts.is_absolute() or ".." in parts.parts or "\0" in path:
        raise ValueError(
            f"the path {path!r} leaves the folder {os.fspath(folder)!r} that names it: "
            "expected one inside, without .. and not absolute."
        )
    return pathlib.Path(folder, path)
