"""The runs of a sweep: each has a folder, whose name says what it changes."""

import hashlib
import json
import pathlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...padding import as_padding
from ..keys import SAFE, check_values
from ..lock import is_locked
from .words import Overrides, in_words, with_overrides


LONGEST = 100  # letters of a folder's name, before the digest


class Run(NamedTuple):
    """One arm of a sweep.

    Attributes:
        overrides: what it changes in the config.
        folder: where it is, or will be.
        borders: whether it ends with a look near borders.
    """

    overrides: Overrides
    folder: pathlib.Path
    borders: bool = False

    @property
    def state(self) -> str:
        """ "finished", "running", "broken off" or "not begun"."""
        looked = not self.borders or (self.folder / "borders.json").exists()
        # The page is the last that a run writes; a look may have been asked for later.
        if looked and (self.folder / "report.html").exists():
            return "finished"
        if is_locked(self.folder):
            return "running"
        return "broken off" if (self.folder / "config.json").exists() else "not begun"

    @property
    def flags(self) -> list[str]:
        """What it adds to the command that trains the config as it is."""
        words = [f"--config.{key}={value}" for key, value in self.overrides.items()]
        return [*words, f"--workdir={self.folder}"]

    @property
    def words(self) -> str:
        """What it changes, as a sweep has it."""
        return in_words(self.overrides) or "the config as it is"


Group = tuple[Run, ...]  # that one process is at


def seeds(runs: Sequence[Run], most: int) -> list[Group]:
    """Runs in groups that differ in the seed alone, so many at most in each."""
    alike: dict[str, list[Run]] = {}
    for run in runs:
        others = {k: v for k, v in run.overrides.items() if k != "seed"}
        alone = "" if "seed" in run.overrides else " by itself"
        alike.setdefault(in_words(others) + alone, []).append(run)
    return [
        tuple(group[start : start + most])
        for group in alike.values()
        for start in range(0, len(group), most)
    ]


def words_of(group: Group) -> list[str]:
    """A sweep of these runs, which differ in the seed alone.

    Example:
        >>> folder = pathlib.Path()
        >>> runs = [Run({"padding": "zero", "seed": n}, folder) for n in (0, 2)]
        >>> words_of(tuple(runs))
        ['padding=zero', 'seed=0,2']
    """
    first = group[0].overrides
    if "seed" not in first:
        return [f"{key}={value}" for key, value in first.items()]
    values = first | {"seed": ",".join(str(run.overrides["seed"]) for run in group)}
    return [f"{key}={value}" for key, value in values.items()]


def runs_of(config: Any, sweep: Sequence[Overrides], folder: pathlib.Path) -> list[Run]:
    """A run for each arm.

    Its folder is named by the overrides and by a digest of the whole config but for
    the keys that change nothing that is learned: the same arm has the same folder
    whenever it is asked for, and another one when the config has changed.

    Args:
        config: a `ConfigDict`.
        sweep: what each arm changes.
        folder: where the folders of all runs lie.

    Raises:
        ValueError: for a key that the config has not, a value of another type, or two
            arms that are the same.
    """
    found: dict[str, Run] = {}
    for overrides in sweep:
        changed = _changed(config, overrides)
        name = f"{_plain(in_words(overrides))}-{_digest(changed)}"
        if name in found:
            raise ValueError(
                f"the sweep has {in_words(overrides)} twice: name each arm once."
            )
        found[name] = Run(overrides, folder / name, bool(changed.borders))
    return list(found.values())


def _changed(config: Any, overrides: Overrides) -> Any:
    try:
        changed = with_overrides(config, overrides)
        check_values(changed)
        as_padding(changed.padding)
        return changed
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the sweep's arm {overrides}: {error}") from error


def _plain(words: str) -> str:
    """Words as a part of a file's name: `padding=zero seed=0` is `padding=zero,seed=0`.

    What a file's name should not hold is a dash.
    """
    text = re.sub(r"[^\w=.,+-]+", "-", words.replace(" ", ",")).strip("-,.")
    return text[:LONGEST] or "run"


def _digest(config: Any) -> str:
    values = {k: v for k, v in config.to_dict().items() if k not in SAFE}
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
