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

from ...untrusted import inside, json_object
from .digest import file_digest


NAME = "manifest.json"
ARRAYS = "arrays"
PACKAGES = ("jaxpad", "jax", "orbax-checkpoint")
# What a manifest is made of. Files are told of by their names, and so are arrays.
FORM = {"step": int, "saved": str, "versions": dict, "files": dict, "arrays": dict}
FILE = {"bytes": int, "sha256": str}
ARRAY = {"shape": list, "dtype": str, "digest": str}


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
            for path in files_in(folder)
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
        text = _bytes(path)
        content = json_object(text, "it")
        content.pop("sha256", None)
        _check_form(folder, content)
        # Also a flip that JSON does not mind, such as one in the digest's case.
        whole = text == _text(content).encode()
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing") from error
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} cannot be read: {error}") from error
    if not whole:
        raise DamagedError(f"{path} is not as it was written")
    return content


def files_in(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Everything in a checkpoint but its manifest and its folders."""
    for path in sorted(folder.rglob("*")):
        link = path.is_symlink()  # of a folder, too: nothing here lies elsewhere
        if (link or not path.is_dir()) and path != folder / NAME:
            yield path


def sync_folder(folder: pathlib.Path) -> None:
    """Puts the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bytes(path: pathlib.Path) -> bytes:
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise ValueError("it is no file")
        return path.read_bytes()
    except OSError as error:
        if error.errno not in (errno.EIO, errno.EISDIR):
            raise
        raise ValueError(error.strerror) from error


def _check_form(folder: pathlib.Path, content: dict[str, Any]) -> None:
    """Raises unless it is made as a manifest is: it may be somebody else's."""
    _check_types("it", content, FORM)
    for name, entry in content["files"].items():
        inside(folder, name)
        _check_types(f"file {name!r}", entry, FILE)
    for name, entry in content["arrays"].items():
        _check_types(f"array {name!r}", entry, ARRAY)
        if any(type(n) is not int or n < 0 for n in entry["shape"]):
            raise ValueError(f"array {name!r} has the shape {entry['shape']!r:.60}")


def _check_types(what: str, entry: Any, form: dict[str, type]) -> None:
    if not isinstance(entry, dict) or {k: type(v) for k, v in entry.items()} != form:
        expected = ", ".join(f"{name} ({kind.__name__})" for name, kind in form.items())
        raise ValueError(f"{what} is {entry!r:.80}; expected {expected}")


def _text(content: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return json.dumps(content | {"sha256": digest}, indent=1) + "\n"
