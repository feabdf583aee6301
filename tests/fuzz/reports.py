"""Fuzzed: the files of a folder of runs, which reports of sweeps read."""

import functools
import json
import pathlib

from jaxpad.reports.sweeps.metrics import costs, default_baseline, tables
from jaxpad.reports.sweeps.read import read_sweep
from jaxpad.reports.sweeps.record import record
from tests.fuzz.grammar import Random, made
from tests.fuzz.law import FOLDER, Target, told
from tests.fuzz.runs import make_object
from tests.reports.sweeps import write_sweep


FILES = ("sweep.json", "RUN/borders.json", "RUN/config.json", "RUN/results.json")


@functools.cache
def folder() -> pathlib.Path:
    """Two arms of two seeds, which were looked at near borders."""
    arms = {"zero": [0.8, 0.9], "partial": [0.85, 0.9]}
    return write_sweep(FOLDER / "sweep", arms, borders=True, steps=4)


def path_of(name: str) -> pathlib.Path:
    return folder() / name.replace("RUN", "padding=partial,seed=0-0123abcd")


@functools.cache
def whole(name: str) -> bytes:
    return path_of(name).read_bytes()


def make_file(rng: Random, changes: int) -> tuple[str, bytes]:
    name = rng.choice(FILES)
    return name, make_object(rng, changes, json.loads(whole(name)))


def check_folder(case: tuple[str, bytes]) -> None:
    name, data = case
    path, before = path_of(name), whole(name)

    def read_and_compare() -> None:
        sweep = read_sweep(folder())
        baseline = default_baseline(sweep.arms, None)
        found = tables(sweep, baseline), costs(sweep, baseline)
        json.dumps(record(sweep, baseline, *found, [], []), allow_nan=False)

    path.write_bytes(data)
    try:
        told(read_and_compare, lambda said: str(folder()) in said)
    finally:
        path.write_bytes(before)


TARGET = Target("folders of runs", 150, made(make_file), check_folder)
