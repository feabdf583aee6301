"""A run's folder: checked before anything is compiled."""

import json
import os
import pathlib
import shutil
from collections.abc import Iterator, Set
from typing import Any

from ..untrusted import read_json
from .keys import SAFE


FINGERPRINT = "data_fingerprint"


def open_workdir(
    folder: pathlib.Path,
    config: dict[str, Any],
    bytes_needed: int,
    *,
    allow_changes: bool = False,
) -> list[str]:
    """Makes the folder ready for a run with this config, new or gone on with.

    Args:
        folder: the run's folder; made if it is not there.
        config: the config as run; written to `config.json` in a new folder.
        bytes_needed: room that the run's files will take, with those that are there.
        allow_changes: whether keys may differ that change what is learned.

    Returns:
        What differs from the config of the run that it holds, a line a key; that
        config stays until `adopt`.

    Raises:
        OSError: if the folder cannot be written to, or has too little room.
        ValueError: if it holds a run of another config.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / ".writable", "jaxpad")
        (folder / ".writable").unlink()
        there = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        free = shutil.disk_usage(folder).free + there
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
        return _changes(path, json.loads(json.dumps(config)), allow_changes)
    write_whole(path, _text(config))
    return []


def check_data(
    folder: pathlib.Path, fingerprint: str, *, allow_changes: bool = False
) -> list[str]:
    """Raises if a run was begun on other data; of a new one, notes on which.

    Args:
        folder: the run's folder.
        fingerprint: of the data now.
        allow_changes: whether they may differ.

    Returns:
        A line that says so if they do; the old fingerprint stays until `adopt`.

    Raises:
        ValueError: with both fingerprints.
    """
    path = folder / FINGERPRINT
    if not path.exists():
        write_whole(path, fingerprint + "\n")
    elif (saved := path.read_text().strip()) != fingerprint:
        if allow_changes:
            return [f"goes on with other data: fingerprint {saved}, now {fingerprint}"]
        raise ValueError(
            f"--workdir={folder} holds a run that saw other data: fingerprint {saved}, "
            f"now {fingerprint}. The records, how many rows of texts a batch has "
            "(config.rescale fits them to the devices) or the library that decodes "
            "images have changed. Set them back to go on, give another --workdir, or "
            "go on with these by --allow_changes."
        )
    return []


def adopt(
    folder: pathlib.Path, config: dict[str, Any], fingerprint: str, step: int
) -> None:
    """Notes that a run goes on under this config and on these data.

    What they were before is kept as `config-until-8.json`, where 8 is the step.
    """
    for name, text in (
        ("config.json", _text(config)),
        (FINGERPRINT, fingerprint + "\n"),
    ):
        path = folder / name
        if path.read_text() != text:
            kept = path.with_name(f"{path.stem}-until-{step}{path.suffix}")
            if not kept.exists():
                write_whole(kept, path.read_text())
            write_whole(path, text)


def _changes(
    path: pathlib.Path, config: dict[str, Any], allow_changes: bool
) -> list[str]:
    try:
        saved = read_json(path)
        changed = config_changes(saved, config)
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f"{path} is no config that a run has saved ({error}): is this folder a "
            "run's? Give another --workdir."
        ) from error
    refused = {key for key in changed if key.partition(".")[0] not in SAFE}
    if refused and not allow_changes:
        raise ValueError(
            f"--workdir={path.parent} holds a run of another config:\n"
            + "\n".join(changed[key] for key in sorted(refused))
            + "\nGive another --workdir for a new run, set these back to go on, or go "
            "on from the newest checkpoint under the new config by --allow_changes."
            + _newer(path, {key for key in refused if key not in dict(flatten(saved))})
        )
    return ["goes on under another config:", *changed.values()] if changed else []


def _newer(path: pathlib.Path, keys: Set[str]) -> str:
    """Keys of a later jaxpad cannot be set back to nothing."""
    if not keys:
        return ""
    names = ", ".join(sorted(keys))
    return f" {names} came after that run: write what it did then into {path}."


def config_changes(saved: dict[str, Any], now: dict[str, Any]) -> dict[str, str]:
    """A line for each key whose value differs between two configs."""
    one, other, missing = dict(flatten(saved)), dict(flatten(now)), object()
    return {
        key: f"  config.{key}: saved {_show(one, key)}, now {_show(other, key)}"
        for key in sorted(one.keys() | other.keys())
        if one.get(key, missing) != other.get(key, missing)
    }


def _text(config: dict[str, Any]) -> str:
    return json.dumps(config, indent=2) + "\n"


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


def write_whole(path: pathlib.Path, content: str | bytes) -> None:
    """Writes a file whole or not at all, so that a kill leaves no half."""
    unfinished = path.with_name(path.name + ".tmp")
    with unfinished.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
