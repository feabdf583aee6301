"""Does a batch without padding cost what its tokens cost?

Command: python experiments/padding_free/run.py [plot] [--lengths N ...] [--means X ...]
         [--rounds N] [--out DIR]
Device:  one core of any CPU; 13 minutes of CPU time. PyTorch is measured too if it is
         installed (torch 2.13.0)
Writes:  results.json, after each point; padding_free.svg, and the tables of README.md.
         plot writes the last two from the results that are there
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import sys
import time
from collections.abc import Sequence
from typing import Any

import in_torch
import rows
from arms import CHUNK, Size
from measure import point, steady
from plot import draw
from report import summary
from tables import tables

from jaxpad.reports.markdown import filled


HERE = pathlib.Path(__file__).resolve().parent
LENGTHS, MEANS, ROUNDS = (128, 256, 512, 1024), (0.2, 0.4, 0.6, 0.8, 1.0), 7
SIZE = Size()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures the grid, and shows what came of it."""
    parser = argparse.ArgumentParser(description="Padded, packed and flat batches.")
    # With none, argparse looks for the empty list among the choices.
    parser.add_argument("only", nargs="*", choices=["plot", []])
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--means", type=float, nargs="+", default=MEANS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--out", type=pathlib.Path, default=HERE, metavar="DIR")
    options = parser.parse_args(arguments)
    path = options.out / "results.json"
    if options.only:
        results = summary(json.loads(path.read_text()))
    else:
        results = measured(options, path)
    path.write_text(as_text(results))
    draw(results, options.out / "padding_free.svg")
    fill_page(results, options.out)
    print(f"{results['verdict']}: {path}")


def measured(options: argparse.Namespace, path: pathlib.Path) -> dict[str, Any]:
    """All points, written as they come."""
    started, points = time.monotonic(), []
    setting = {**SIZE._asdict(), "chunk": CHUNK, "rounds": options.rounds}
    results: dict[str, Any] = {"setting": setting, "points": points}

    def say(text: str) -> None:
        sys.stderr.write(f"\r\033[K{time.monotonic() - started:5.0f} s  {text}")
        sys.stderr.flush()

    say("rows")
    results["rows"] = rows.measure(max(options.lengths), tuple(options.means))
    for length in options.lengths:
        for mean in options.means:
            where = f"{length} cells, {mean} of them filled"
            found = point(
                *(length, mean, options.rounds, SIZE),
                lambda text, where=where: say(f"{where}: {text}"),
            )
            points.append(found)
            results |= machine(started)
            path.write_text(as_text(summary(results)))
    sys.stderr.write("\r\033[K")
    return summary(results)


def machine(started: float) -> dict[str, Any]:
    """What it was measured with, and for how long."""
    names = ["jax", "flax", "grain", *(["torch"] if in_torch.installed() else [])]
    return {
        "device": f"CPU {platform.machine()}, one core of {os.cpu_count()}",
        "versions": {name: importlib.metadata.version(name) for name in names},
        "load": round(os.getloadavg()[1], 1),
        "minutes": round((time.monotonic() - started) / 60, 1),
        "CPU minutes": round(time.process_time() / 60, 1),
    }


def as_text(results: dict[str, Any]) -> str:
    """JSON with lists of numbers on one line."""
    text = json.dumps(results, indent=1)
    short = re.compile(r"\[[^\[\]{}\"]*\]")
    return short.sub(lambda found: re.sub(r"\s+", " ", found[0]), text) + "\n"


def fill_page(results: dict[str, Any], out: pathlib.Path) -> None:
    """Writes the results into the tables of README.md."""
    page = (HERE / "README.md").read_text()
    (out / "README.md").write_text(filled(page, tables(results)))


if __name__ == "__main__":
    steady()  # before there is any thread
    main()
