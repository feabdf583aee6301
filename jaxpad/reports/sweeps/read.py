"""Read a folder of runs: which arms there are, their seeds, and what is missing."""

import json
import pathlib
import reprlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxpad.reports.folder import Run, read_run
from jaxpad.reports.sweeps.borders import Borders, read_borders
from jaxpad.reports.sweeps.configs import (
    Flat,
    arm_name,
    differences,
    different,
    strange_keys,
)
from jaxpad.reports.words import flatten
from jaxpad.untrusted import read_json, read_json_list


class Result(NamedTuple):
    """A finished run: its folder's name, its files, and its borders.json if it has."""

    folder: str
    run: Run
    borders: Borders | None


class Arm(NamedTuple):
    """Runs that differ in their seeds alone, by seed; what they change, in words."""

    name: str
    runs: dict[int, Result]


class Missing(NamedTuple):
    """A run that is not in the tables, and why."""

    name: str
    folder: str
    why: str


class Sweep(NamedTuple):
    """The runs of a folder.

    Attributes:
        keys: of the config, those that make an arm.
        arms: with one finished run at least, in the order of the sweep.
        missing: the other runs.
        warnings: what else a reader should know, in sentences.
    """

    keys: list[str]
    arms: list[Arm]
    missing: list[Missing]
    warnings: list[str]


def read_sweep(folder: str | pathlib.Path) -> Sweep:
    """Reads the runs in a folder, those that `sweep.json` lists and any others.

    An arm is what `sweep.json` says that runs change, but for the seed. Without that
    file it is every key in which the runs' configs differ.

    Args:
        folder: of folders of runs.

    Raises:
        FileNotFoundError: it is no folder, or holds no runs.
        ValueError: `sweep.json` is not as it should be, no run is finished, or the runs
            have different tasks.
    """
    folder = pathlib.Path(folder)
    listed = _listed(folder / "sweep.json")
    configs, missing = _configs(folder, listed)
    keys = _swept(configs, listed)
    chosen, left = _chosen(configs, listed, keys)
    warnings = differences({name: configs[name] for name in chosen}, keys)
    arms: dict[str, dict[int, Result]] = {}
    for name in chosen:
        words = arm_name(configs[name], keys)
        try:
            seed = _seed(folder / name, configs[name])
            arms.setdefault(words, {})[seed] = _result(folder / name)
        except (OSError, ValueError) as error:
            missing.append(Missing(words, name, _why(folder / name, listed, error)))
    found = [Arm(name, dict(sorted(runs.items()))) for name, runs in arms.items()]
    found = [arm for arm in found if arm.runs]
    _check(folder, found, missing)
    return Sweep(keys, found, [*missing, *left], warnings)


def is_sweep(folder: pathlib.Path) -> bool:
    """Whether a folder holds runs, and is none itself."""
    if (folder / "config.json").exists() or (folder / "results.json").exists():
        return False
    return (folder / "sweep.json").exists() or any(folder.glob("*/config.json"))


def _listed(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    """The entries of sweep.json by folder; none where it is not there."""
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{str(path.parent)!r} is not a folder; expected one with runs in it, the "
            "--workdir of `python launch.py --sweep`."
        )
    entries = read_json_list(path) if path.exists() else []
    for entry in entries:
        kinds = {"overrides": dict, "folder": str, "state": str}
        if not isinstance(entry, dict) or not all(
            isinstance(entry.get(key), kind) for key, kind in kinds.items()
        ):
            raise ValueError(
                f"{path} has {reprlib.repr(entry)}; expected objects with overrides, "
                "folder and state. `python launch.py --sweep` writes it again."
            )
        name = entry["folder"]
        if pathlib.PurePath(name).name != name or "\0" in name:
            raise ValueError(
                f"{path}: the folder {name!r} leaves {str(path.parent)!r}; expected "
                "the name of a folder in it."
            )
    return {entry["folder"]: entry for entry in entries}


def _configs(
    folder: pathlib.Path, listed: Mapping[str, dict[str, Any]]
) -> tuple[dict[str, Flat], list[Missing]]:
    """The config of each run, and the runs that have none that can be read."""
    there = sorted(path.parent.name for path in folder.glob("*/config.json"))
    if not there and not listed:
        raise FileNotFoundError(
            f"{str(folder)!r} holds no runs: no folder in it has a config.json. Train "
            f"some: `python launch.py --sweep seed=0:5 --workdir {folder}`."
        )
    configs, missing = {}, []
    for name in dict.fromkeys([*listed, *there]):
        try:
            configs[name] = dict(flatten(read_json(folder / name / "config.json")))
        except (OSError, ValueError) as error:
            changed = flatten(listed[name]["overrides"]) if name in listed else []
            words = arm_name(dict(changed), [key for key, _ in changed])
            why = _why(folder / name, listed, error)
            missing.append(Missing(words, name, why))
    return configs, missing


def _swept(
    configs: Mapping[str, Flat], listed: Mapping[str, dict[str, Any]]
) -> list[str]:
    """The keys that make an arm: overridden ones, or those that differ."""
    entries = [listed[name]["overrides"] for name in listed]
    keys = list(dict.fromkeys(key for entry in entries for key, _ in flatten(entry)))
    if not listed:
        keys = different(configs)
    return [key for key in keys if key != "seed"]


def _chosen(
    configs: Mapping[str, Flat], listed: Mapping[str, Any], keys: list[str]
) -> tuple[list[str], list[Missing]]:
    """Runs to report on, and those left out: of another sweep, or twice the same.

    A run of an earlier sweep in the folder counts if it differs from the listed ones in
    nothing but the keys that they change.
    """
    chosen: dict[tuple[str | None, ...], str] = {}
    left, ours = [], [configs[name] for name in listed if name in configs]
    for name, config in configs.items():
        strange = (
            strange_keys(config, ours, keys) if name not in listed and ours else []
        )
        same = chosen.setdefault((config.get("seed"), *map(config.get, keys)), name)
        if not strange and same == name:
            continue
        if same == name:
            del chosen[(config.get("seed"), *map(config.get, keys))]
        why = f"not of this sweep: it differs in {', '.join(strange)}"
        why = why if strange else f"the same arm and seed as {same}"
        left.append(Missing(arm_name(config, keys), name, why))
    return list(chosen.values()), left


def _seed(folder: pathlib.Path, config: Flat) -> int:
    seed = json.loads(config.get("seed", "null"))
    if not isinstance(seed, int):
        raise ValueError(f"{folder / 'config.json'}: 'seed' is {seed!r}, no number.")
    return seed


def _result(folder: pathlib.Path) -> Result:
    return Result(folder.name, read_run(folder), read_borders(folder))


def _why(folder: pathlib.Path, listed: Mapping[str, Any], error: Exception) -> str:
    """Why a run cannot be in the tables."""
    if (folder / "results.json").exists():
        return f"cannot be read: {error}"
    state = listed.get(folder.name, {}).get("state", "")
    if not (folder / "config.json").exists():
        return state or "not begun"
    # What was finished then is not now, for its results are gone.
    said = state not in ("", "finished", "not begun")
    return "not finished" + (f" ({state})" if said else "")


def _check(folder: pathlib.Path, arms: list[Arm], missing: list[Missing]) -> None:
    if not arms:
        whys = "; ".join(f"{each.folder}: {each.why}" for each in missing[:3])
        raise ValueError(
            f"no run in {str(folder)!r} is finished ({whys}). Finish them: the line "
            "that began the sweep goes on with it."
        )
    runs = [result.run for arm in arms for result in arm.runs.values()]
    tasks = {(run.results["dataset"]["task"], run.results["headline"]) for run in runs}
    if len(tasks) > 1:
        said = " and ".join(sorted(f"{task} ({name})" for task, name in tasks))
        raise ValueError(
            f"the runs in {str(folder)!r} are of {said}; expected one task. Put the "
            "runs of each into a folder of their own."
        )
