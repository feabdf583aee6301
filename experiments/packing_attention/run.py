"""Is a batch without padding as good as one with it?

Command: python experiments/packing_attention/run.py [PART ...] [--jobs N]
         [--out DIR]; the parts are train, speed, plot
Device:  any CPU; 46 minutes on two cores that had other work
Writes:  results.json, run by run: the same command goes on; plot: curves.svg and the
         tables of README.md
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import platform
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import speed
from arms import ARMS
from plot import draw
from report import summary, tables
from training import train

from jaxpad.reports.markdown import filled


HERE = pathlib.Path(__file__).resolve().parent
SEEDS = 5
PARTS = ("train", "speed", "plot")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures the parts that are asked for; the results of others are kept."""
    parser = argparse.ArgumentParser(description="Padded, flattened and packed texts.")
    # With none, argparse looks for the empty list among the choices.
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--out", type=pathlib.Path, default=HERE, metavar="DIR")
    options = parser.parse_args(arguments)
    parts = options.parts or PARTS
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    if "train" in parts:
        train_all(results, path, options.jobs)
    if "speed" in parts:
        note = clock(results)
        results["speed"] = speed.measure(say)
        note()
        write(results, path)
    if "plot" in parts:
        results = summary(results, f"CPU {platform.machine()}, {os.cpu_count()} cores")
        write(results, path)
        draw(results["runs"], options.out / "curves.svg")
        fill_page(results, options.out)
        sys.stderr.write("\r\033[K")
        for says, claim in results["claims"].items():
            print(f"{claim['verdict']:16}{says}")


def train_all(results: dict[str, Any], path: pathlib.Path, jobs: int) -> None:
    """Trains every seed of every arm that the results lack, some at a time."""
    runs = results.setdefault("runs", {name: {} for name in ARMS})
    todo = [(n, s) for s in range(SEEDS) for n in ARMS if str(s) not in runs[n]]
    note = clock(results)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, context) as pool:
        futures = {pool.submit(train, *each): each for each in todo}
        for done, future in enumerate(concurrent.futures.as_completed(futures)):
            name, seed = futures[future]
            runs[name][str(seed)] = future.result()
            left = note() / (done + 1) * (len(todo) - done - 1)
            say(f"{done + 1} of {len(todo)} runs, about {left:.0f} min left")
            write(results, path)


def clock(results: dict[str, Any]) -> Callable[[], float]:
    """Gives minutes from now; each time results get them, and the machine's load."""
    start, before = time.monotonic(), results.get("minutes", 0.0)

    def note() -> float:
        minutes = (time.monotonic() - start) / 60
        results["minutes"] = round(before + minutes, 1)
        results["load"] = round(os.getloadavg()[1], 1)
        return minutes

    return note


def say(text: str) -> None:
    sys.stderr.write(f"\r\033[K{text}")
    sys.stderr.flush()


def write(results: dict[str, Any], path: pathlib.Path) -> None:
    path.write_text(json.dumps(results, indent=1) + "\n")


def fill_page(results: dict[str, Any], out: pathlib.Path) -> None:
    """Writes the results into the tables of README.md."""
    page = (HERE / "README.md").read_text()
    (out / "README.md").write_text(filled(page, tables(results)))


if __name__ == "__main__":
    main()
