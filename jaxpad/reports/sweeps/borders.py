"""Read what a run found near borders: `borders.json` and the maps in `borders.npz`."""

import pathlib
import reprlib
from typing import Any, NamedTuple

import numpy as np

from jaxpad.reports.results import KINDS
from jaxpad.untrusted import read_json, read_npz


LARGEST = 2048  # cells of a map's side
FIGURES = ("accuracy", "miou", "loss", "border_loss")  # of the paddings tested under
MAPS = ("mean", "blank", "foveation")
# Lists of one length, and texts.
PARTS = {
    "distance": ("cells count accuracy loss", "what"),
    "cutout": ("part border centre", "what"),
    "shift": ("pixels consistency accuracy", ""),
}


class Borders(NamedTuple):
    """What was found near borders; a part that was not looked at is None or empty.

    Attributes:
        cross: padding tested under -> figure -> its value, or None with a "reason".
        distance: lists "cells", "count", "accuracy", "loss", and "what" is measured.
        cutout: lists "part", "border", "centre", and "what" is measured.
        shift: lists "pixels", "consistency", "accuracy".
        unevenness: of each layer "layer", "border_to_centre" and "sides".
        maps: "mean", "blank" or "foveation" -> layer -> array [h, w].
    """

    cross: dict[str, dict[str, Any]]
    distance: dict[str, Any] | None
    cutout: dict[str, Any] | None
    shift: dict[str, Any] | None
    unevenness: list[dict[str, Any]]
    maps: dict[str, dict[str, np.ndarray]]


def read_borders(folder: pathlib.Path) -> Borders | None:
    """Reads and checks both files.

    Args:
        folder: of a run.

    Returns:
        What they hold; `None` where there is no borders.json.

    Raises:
        ValueError: a file does not hold what it should; the message names it.
    """
    path = folder / "borders.json"
    if not path.exists():
        return None
    stored = read_json(path)
    distance, cutout, shift = (_part(path, name, stored.get(name)) for name in PARTS)
    return Borders(
        _cross(path, stored.get("cross")),
        distance,
        cutout,
        shift,
        _unevenness(path, stored.get("unevenness")),
        _maps(folder / "borders.npz"),
    )


def _expect(path: pathlib.Path, key: str, value: Any, kind: str) -> Any:
    if not KINDS[kind](value):
        raise ValueError(f"{path}: {key!r} is {reprlib.repr(value)}; expected {kind}.")
    return value


def _cross(path: pathlib.Path, cross: Any) -> dict[str, Any]:
    cross = _expect(path, "cross", cross, "an object or null") or {}
    for name, figures in cross.items():
        key = f"cross.{name}"
        if not isinstance(figures, dict):
            raise ValueError(
                f"{path}: {key!r} is {reprlib.repr(figures)}; expected an object."
            )
        for figure in FIGURES:
            value = figures.get(figure)
            _expect(path, f"{key}.{figure}", value, "a number or null")
        if "reason" in figures:
            _expect(path, f"{key}.reason", figures["reason"], "a text")
    return cross


def _part(path: pathlib.Path, name: str, part: Any) -> dict[str, Any] | None:
    if not _expect(path, name, part, "an object or null"):
        return None
    lists, texts = (words.split() for words in PARTS[name])
    for key in lists:
        _expect(path, f"{name}.{key}", part.get(key), "numbers or null")
    for key in texts:
        _expect(path, f"{name}.{key}", part.get(key), "a text")
    lengths = {key: len(part[key]) for key in lists}
    if len(set(lengths.values())) > 1 or None in part[lists[0]]:
        raise ValueError(
            f"{path}: the lists of {name!r} have lengths {lengths}; expected one for "
            f"all, and a number for each of {lists[0]!r}."
        )
    return part


def _unevenness(path: pathlib.Path, rows: Any) -> list[dict[str, Any]]:
    if not isinstance(rows or [], list):
        raise ValueError(f"{path}: 'unevenness' is {reprlib.repr(rows)}, no list.")
    for number, row in enumerate(rows or []):
        key = f"unevenness.{number}"
        if not isinstance(row, dict):
            raise ValueError(f"{path}: {key!r} is {reprlib.repr(row)}, no object.")
        _expect(path, f"{key}.layer", row.get("layer"), "a text")
        ratio = row.get("border_to_centre")
        _expect(path, f"{key}.border_to_centre", ratio, "a number or null")
    return rows or []


def _maps(path: pathlib.Path) -> dict[str, dict[str, np.ndarray]]:
    maps: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in MAPS}
    for name, array in (read_npz(path) if path.exists() else {}).items():
        kind, _, layer = name.partition("/")
        if kind not in maps:
            continue
        if array.ndim != 2 or array.dtype.kind not in "fiu" or not array.size:
            raise ValueError(
                f"{path}: {name!r} is {array.dtype} {array.shape}; expected numbers "
                "[h, w]."
            )
        if max(array.shape) > LARGEST:
            raise ValueError(
                f"{path}: {name!r} is {array.shape}; expected at most {LARGEST} cells "
                "a side."
            )
        maps[kind][layer] = array.astype(float)
    return maps
