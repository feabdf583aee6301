"""A checkpoint's manifest: what it holds, and digests by which damage is found."""

import datetime
import errno
import hashlib
import importlib.metadata
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from .digest import file_digest


NAME = "manifest.json"
ARRAYS = "arrays"
PACKAGES = ("jaxpad", "jax", "orbax-checkpoint")
SHOWN = 10  # problems of one checkpoint


class DamagedError(Exception):
    """A checkpoint is not as it was written, or none of a run's is."""


def describe(arrays: dict[str, Any], digests: dict[str, str]) -> dict[str, Any]:
    """What a manifest says of arrays: shape, dtype and digest by name."""
    return {
        name: {
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "digest": digests[name],
        }
        for name, array in arrays.items()
    }


def write_manifest(folder: pathlib.Path, step: int, arrays: dict[str, Any]) -> None:
    """Writes the manifest of a checkpoint whose arrays are written.

    After this, everything in the folder is on the disk, whatever happens to the
    machine.

    Args:
        folder: of the checkpoint.
        step: that it was made after.
        arrays: from `describe`.

    Raises:
        OSError: if the disk is full or gone.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    content = {
        "step": step,
        "saved": now,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "files": {
            str(path.relative_to(folder)): {
                "bytes": path.stat().st_size,
                "sha256": file_digest(path, sync=True),
            }
            for path in _files(folder)
        },
        "arrays": arrays,
    }
    with (folder / NAME).open("w", encoding="utf-8") as file:
        file.write(_text(content))
        file.flush()
        os.fsync(file.fileno())
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync_folder(path)


def read_manifest(folder: pathlib.Path) -> dict[str, Any]:
    """The manifest of a checkpoint, whose digest over itself is right.

    Raises:
        DamagedError: if it is missing or not as it was written.
        ValueError: for a checkpoint of a jaxpad that wrote no manifests.
    """
    path = folder / NAME
    if not path.exists() and (folder / "default").exists():
        raise ValueError(
            f"{folder} is a checkpoint of jaxpad 0.1.0, which wrote no {NAME}: go on "
            "with that version, or read the arrays with Orbax alone."
        )
    try:
        text = _bytes(path).decode()
        content = json.loads(text)
        del content["sha256"]
        # Also a flip that JSON does not mind, such as one in the digest's case.
        whole = text == _text(content)
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path} cannot be read: {error}") from error
    if not whole:
        raise DamagedError(f"{path} is not as it was written")
    return content


def check_files(folder: pathlib.Path) -> dict[str, Any]:
    """The manifest of a checkpoint, all of whose files are as they were written.

    Raises:
        DamagedError: with the files that are not.
        OSError: if one is there but may not be read.
        ValueError: for a checkpoint of a jaxpad that wrote no manifests.
    """
    manifest = read_manifest(folder)
    files = manifest["files"]
    problems = [p for name in files if (p := _problem(folder / name, files[name]))]
    problems += [
        f"{path} does not belong there"
        for path in _files(folder)
        if str(path.relative_to(folder)) not in files
    ]
    if problems:
        raise DamagedError(listed(problems))
    return manifest


def check_digests(
    folder: pathlib.Path, manifest: dict[str, Any], digests: dict[str, str]
) -> None:
    """Raises unless the arrays that were read are those that were on the devices.

    Raises:
        DamagedError: with the arrays that are not.
    """
    saved = manifest["arrays"]
    if other := [name for name in saved if digests[name] != saved[name]["digest"]]:
        names = listed([f"array {name}" for name in other])
        raise DamagedError(f"{folder}: not as they were on the devices: {names}")


def listed(problems: list[str]) -> str:
    """The first problems, and how many more there are."""
    more = len(problems) - SHOWN
    return "; ".join([*problems[:SHOWN], *([f"and {more} more"] if more > 0 else [])])


def sync_folder(folder: pathlib.Path) -> None:
    """Puts the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _problem(path: pathlib.Path, expected: dict[str, Any]) -> str:
    """What is wrong with a file; nothing if it is as it was written."""
    try:
        size = path.stat().st_size
        if size != expected["bytes"]:
            return f"{path} has {size:,} bytes, not {expected['bytes']:,}"
        found = file_digest(path)
    except (FileNotFoundError, NotADirectoryError):
        return f"{path} is missing"
    except OSError as error:
        # Of a broken disk. What is forbidden, or gone with a network, may come back.
        if error.errno not in (errno.EIO, errno.EISDIR):
            raise
        return f"{path} cannot be read: {error.strerror}"
    return "" if found == expected["sha256"] else f"{path} is not as it was written"


def _bytes(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno not in (errno.EIO, errno.EISDIR):
            raise
        raise ValueError(error.strerror) from error


def _files(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Everything in a checkpoint but its manifest and its folders."""
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() and path != folder / NAME:
            yield path


def _text(content: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return json.dumps(content | {"sha256": digest}, indent=1) + "\n"
