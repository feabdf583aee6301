"""Does packing save what its paper says?

Command: python experiments/packing/run.py [PART ...] [--histogram FILE] [--capacity N]
         [--out DIR]; the parts are tables, unpacked, curves, plot
Device:  any CPU; an hour on two busy cores, of which curves takes all but 4 minutes
Writes:  results.json, part by part; plot: two pictures and the tables of README.md; the
         runs of curves go into runs/packing, and the same command goes on with them.
         With --histogram or --capacity the tables of those lengths are printed, and
         results and picture are written into the DIR that is given, if one is
"""

import argparse
import json
import os
import pathlib
import platform
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import curves
import learned
import numpy as np
import tables
import unpacked
from histogram import FORMS, about, of_texts, read
from plot import draw
from report import summary, tables as tables_of

from jaxpad.reports.markdown import filled


HERE = pathlib.Path(__file__).resolve().parent
Say = Callable[[str], None]
PARTS: dict[str, Callable[[np.ndarray, Say], Any]] = {
    "tables": tables.measure,
    "unpacked": unpacked.measure,
    "curves": lambda _, say: curves.measure(),  # of the text job, whatever the lengths
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures the parts that are asked for; the results of others are kept."""
    parser = argparse.ArgumentParser(description="Packers, measured on lengths.")
    names = [*PARTS, "plot"]
    # With none, argparse looks for the empty list among the choices.
    parser.add_argument("parts", nargs="*", choices=[*names, []], metavar="PART")
    parser.add_argument("--histogram", type=pathlib.Path, metavar="FILE", help=FORMS)
    parser.add_argument("--capacity", type=int, help="cells of a row")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR")
    options = parser.parse_args(arguments)
    own = not (options.histogram or options.capacity)  # the lengths of the page
    if not own:
        names.remove("curves")
    parts = options.parts or names
    try:
        if not {*parts} <= {*names}:
            raise ValueError(
                "curves is of the text job as it is: leave out --histogram and "
                "--capacity."
            )
        data, histogram = lengths_of(options.histogram, options.capacity)
        out = options.out or (HERE if own else None)
        needed = [name for name in names if name in PARTS and name not in parts]
        results = kept(data, needed, out)
    except ValueError as e:
        parser.error(str(e))
    for name in parts:
        if name in PARTS:
            results = measured(name, histogram, results)
            if out:
                write(results, out)
    sys.stderr.write("\r\033[K")
    if not own:
        show(results)
    if "plot" in parts and out:
        draw(results["tables"], out / "efficiency.svg")
        if own:
            learned.draw(results["curves"], out / "curves.svg")
            fill_page(results, out)


def lengths_of(
    file: pathlib.Path | None, capacity: int | None
) -> tuple[dict[str, Any], np.ndarray]:
    """What they are in words and numbers, and how many there are of each."""
    if capacity is not None and capacity < 1:
        raise ValueError(f"--capacity={capacity}: expected at least 1 cell.")
    python = ".".join(map(str, sys.version_info[:2]))
    name = file.name if file else f"stdlib_text, Python {python}"
    histogram = read(file, capacity) if file else of_texts(capacity)
    return {"name": name, **about(histogram)}, histogram


def kept(
    data: dict[str, Any], missing: Sequence[str], out: pathlib.Path | None
) -> dict[str, Any]:
    """The results so far; those of other lengths may only be replaced as a whole."""
    path = out / "results.json" if out else None
    old = json.loads(path.read_text()) if path and path.exists() else {}
    if old.get("data", data) == data:
        return old | {"data": data}
    if missing:
        raise ValueError(
            f"{path} is of {_named(old['data'])}, but these lengths are of "
            f"{_named(data)}, or others: measure {' and '.join(missing)} too, or give "
            "another --out."
        )
    return {"data": data}


def _named(data: dict[str, Any]) -> str:
    return f"{data['name']} at a capacity of {data['capacity']}"


def measured(
    name: str, histogram: np.ndarray, results: dict[str, Any]
) -> dict[str, Any]:
    """The results with one more part."""
    start = time.perf_counter()

    def say(text: str) -> None:
        sys.stderr.write(f"\r\033[K{time.perf_counter() - start:5.0f} s  {text}")
        sys.stderr.flush()

    found = {name: PARTS[name](histogram, say)}
    costs = dict(results.get("costs", {}))
    if name != "curves":  # Runs have minutes of their own, and may be older.
        costs[name] = {
            "minutes": round((time.perf_counter() - start) / 60, 1),
            "load": round(os.getloadavg()[1], 1),
        }
    device = f"CPU {platform.machine()}, {os.cpu_count()} cores"
    return summary({**results, **found, "costs": costs}, device)


def write(results: dict[str, Any], out: pathlib.Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")


def show(results: dict[str, Any]) -> None:
    """Prints the lengths and the tables."""
    print(", ".join(f"{key}: {value}" for key, value in results["data"].items()))
    for table in tables_of(results).values():
        print(f"\n{table}")


def fill_page(results: dict[str, Any], out: pathlib.Path) -> None:
    """Writes the results into the tables of README.md."""
    page = (HERE / "README.md").read_text()
    (out / "README.md").write_text(filled(page, tables_of(results)))


if __name__ == "__main__":
    main()
