"""Fuzzed: the files of a run's folder, which reports and restarts read."""

import json
from typing import Any

from jaxpad.reports.classes import class_table
from jaxpad.reports.confusion import worst_confusions
from jaxpad.reports.folder import read_metrics
from jaxpad.reports.results import read_results
from jaxpad.reports.words import key_figures
from jaxpad.train.compiled import Measured, read
from jaxpad.train.metrics import read_metrics as read_rows
from tests.fuzz.grammar import PIECES, Random, changed, made, mutated
from tests.fuzz.law import FOLDER, Target, told
from tests.reports.runs import make_lines, make_mask_results, make_results


RESULTS = [make_results(), make_mask_results()]
LINES = "".join(f"{line}\n" for line in make_lines(4, 2)).encode()
ROWS = [json.loads(line) for line in LINES.splitlines()]
KEPT = {
    "arguments": 1024,
    "peak": 4096,
    "flops": 1e9,
    "moved": 1e6,
    "collectives": {"all-reduce": [2, 4096]},
}


def make_object(rng: Random, changes: int, tree: Any) -> bytes:
    data = json.dumps(changed(rng, changes, tree), default=repr, skipkeys=True).encode()
    return data if rng.random() < 0.8 else mutated(rng, changes, data, PIECES)


def make_results_file(rng: Random, changes: int) -> bytes:
    return make_object(rng, changes, rng.choice(RESULTS))


def check_results(data: bytes) -> None:
    path = FOLDER / "results.json"
    path.write_bytes(data)

    def read_and_say() -> None:
        results = read_results(path)
        key_figures(results)
        class_table(results)
        worst_confusions(results)

    told(read_and_say, lambda said: str(path) in said)


def make_log(rng: Random, changes: int) -> bytes:
    if rng.random() < 0.5:
        return mutated(rng, changes, LINES, PIECES)
    rows = [make_object(rng, changes if rng.random() < 0.3 else 0, r) for r in ROWS]
    return b"\n".join([*rows, b""])


def check_log(data: bytes) -> None:
    path = FOLDER / "metrics.jsonl"
    path.write_bytes(data)
    for reader in (read_metrics, read_rows):
        told(lambda reader=reader: reader(path), lambda said: str(path) in said)


def make_kept(rng: Random, changes: int) -> bytes:
    return make_object(rng, changes, KEPT)


def check_kept(data: bytes) -> None:
    path = FOLDER / "kept.json"
    path.write_bytes(data)
    found = told(lambda: read(path), lambda said: False)
    assert found is None or isinstance(found, Measured)


TARGETS = [
    Target("results.json", 700, made(make_results_file), check_results),
    Target("metrics.jsonl", 700, made(make_log), check_log),
    Target("compiled programs", 200, made(make_kept), check_kept),
]
