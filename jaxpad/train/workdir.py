"""A run's folder: checked before anything is compiled."""

import json
import os
import pathlib
import shutil
from collections.abc import Iterator, Set
from typing import Any

from ..untrusted import read_json


FINGERPRINT = "data_fingerprint"


def open_workdir(
    folder: pathlib.Path, config: dict[str, Any], bytes_needed: int
) -> None:
    """Makes the folder ready for a run with this config, new or gone on with.

    Args:
        folder: the run's folder; made if it is not there.
        config: the config as run; written to `config.json` in a new folder.
        bytes_needed: room that the run's files will take.

    Raises:
        OSError: if the folder cannot be written to, or has too little room.
        ValueError: if it holds a run of another config.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / ".writable", "jaxpad")
        (folder / ".writable").unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise OSError(
            f"--workdir={folder} cannot be written to: {error}. Nothing has been "
            "started; give a folder of your own, for example --workdir=runs/first."
        ) from error
    if free < bytes_needed:
        raise OSError(
            f"--workdir={folder} has {free / 2**20:.0f} MiB free, but the run's "
            f"checkpoints take about {bytes_needed / 2**20:.0f} MiB. Free some space, "
            "or keep fewer with --config.checkpoints_kept=1."
        )
    path = folder / "config.json"
    if path.exists():
        _check_same(path, json.loads(json.dumps(config)))
    else:
        write_whole(path, json.dumps(config, indent=2) + "\n")


def check_data(folder: pathlib.Path, fingerprint: str) -> None:
    """Raises if a run was begun on other data; of a new one, notes on which.

    Raises:
        ValueError: with both fingerprints.
    """
    path = folder / FINGERPRINT
    if not path.exists():
        write_whole(path, fingerprint + "\n")
    elif (saved := path.read_text().strip()) != fingerprint:
        raise ValueError(
            f"--workdir={folder} holds a run that saw other data: fingerprint {saved}, "
            f"now {fingerprint}. The records, or the library that decodes them, have "
            "changed. Set them back to go on, or give another --workdir."
        )


def _check_same(path: pathlib.Path, config: dict[str, Any]) -> None:
    try:
        saved = dict(flatten(read_json(path)))
    except ValueError as error:
        raise ValueError(
            f"{path} is no config that a run has saved ({error}): is this folder a "
            "run's? Give another --workdir."
        ) from error
    now = dict(flatten(config))
    missing = object()
    changed = [
        f"  config.{key}: saved {_show(saved, key)}, now {_show(now, key)}"
        for key in sorted(saved.keys() | now.keys())
        if saved.get(key, missing) != now.get(key, missing)
    ]
    if changed:
        raise ValueError(
            f"--workdir={path.parent} holds a run of another config:\n"
            + "\n".join(changed)
            + "\nGive another --workdir for a new run, or set these back to go on."
            + _newer(path, now.keys() - saved.keys())
        )


def _newer(path: pathlib.Path, keys: Set[str]) -> str:
    """Keys of a later jaxpad cannot be set back to nothing."""
    if not keys:
        return ""
    names = ", ".join(sorted(keys))
    return f" {names} came after that run: write what it did then into {path}."


def _show(values: dict[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "nothing"


def flatten(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a nested dict, with dotted keys.

    Example:
        >>> list(flatten({"a": {"b": 1}, "c": 2}))
        [('a.b', 1), ('c', 2)]
    """
    for key, value in config.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def write_whole(path: pathlib.Path, text: str) -> None:
    """Writes a file whole or not at all, so that a kill leaves no half."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(text)
    os.replace(unfinished, path)
