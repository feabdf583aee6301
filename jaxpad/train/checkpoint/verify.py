"""Whether a checkpoint is as it was written, by the digests in its manifest."""

import errno
import pathlib
import stat
from typing import Any

from .digest import file_digest
from .folder import STEP
from .manifest import DamagedError, files_in, read_manifest


SHOWN = 10  # problems of one checkpoint


def check_files(folder: pathlib.Path) -> dict[str, Any]:
    """The manifest of a checkpoint, all of whose files are as they were written.

    Raises:
        DamagedError: with the files that are not.
        OSError: if one is there but may not be read.
        ValueError: for a checkpoint of a jaxpad that wrote no manifests.
    """
    manifest = read_manifest(folder)
    if STEP.fullmatch(folder.name) and int(folder.name) != manifest["step"]:
        raise DamagedError(f"{folder} holds the checkpoint of step {manifest['step']}")
    files = manifest["files"]
    problems = [p for name in files if (p := _problem(folder / name, files[name]))]
    problems += [
        f"{path} does not belong there"
        for path in files_in(folder)
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


def _problem(path: pathlib.Path, expected: dict[str, Any]) -> str:
    """What is wrong with a file; nothing if it is as it was written."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return f"{path} is no file"
        size = found.st_size
        if size != expected["bytes"]:
            return f"{path} has {size:,} bytes, not {expected['bytes']:,}"
        found = file_digest(path)
    except (FileNotFoundError, NotADirectoryError, UnicodeEncodeError):
        return f"{path} is missing"
    except OSError as error:
        # Of a broken disk. What is forbidden, or gone with a network, may come back.
        if error.errno not in (errno.EIO, errno.EISDIR, errno.ENAMETOOLONG):
            raise
        return f"{path} cannot be read: {error.strerror}"
    return "" if found == expected["sha256"] else f"{path} is not as it was written"
