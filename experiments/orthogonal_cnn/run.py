"""Do soft orthogonal convolutions do what their theory says?

Command: python experiments/orthogonal_cnn/run.py [PART ...] [--full]; the parts are
         existence, identities, stability, landscape, tradeoff, timing, plot
Device:  any CPU; 11 minutes on two busy cores. --full takes about five times as long
Writes:  results.json, part by part; plot: three pictures and the tables of README.md
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

import existence
import identities
import landscape
import stability
import timing
import tradeoff
from report import summary, tables

from jaxpad.reports.markdown import filled


HERE = pathlib.Path(__file__).resolve().parent
Say = Callable[[str], None]
# The seeds 0 are those that the temperature and the radii were chosen on.
PARTS: dict[str, Callable[[bool, Say], Any]] = {
    "existence": lambda full, say: existence.measure(4000 if full else 1000, say),
    "identities": lambda full, say: identities.measure(200 if full else 72, say),
    "stability": lambda full, say: stability.measure(stability.SIZES, 8, 3000, say),
    "landscape": lambda full, say: landscape.measure(100 if full else 20, 3000, say),
    "tradeoff": lambda full, say: tradeoff.measure(
        range(1, 11 if full else 4), 450, 100 if full else 20, say
    ),
    "timing": lambda full, say: timing.measure(501 if full else 101, say),
}
# Seconds of each part by default, to tell how much is left.
EXPECTED = {
    "existence": 30,
    "identities": 25,
    "stability": 70,
    "landscape": 90,
    "tradeoff": 400,
    "timing": 60,
}


def plot(results: dict[str, Any], out: pathlib.Path) -> None:
    """Draws the results, and writes them into the tables of README.md."""
    from plot import draw

    draw(results, out)
    page = (HERE / "README.md").read_text()
    (out / "README.md").write_text(filled(page, tables(results)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures the parts that are asked for; the results of others are kept."""
    parser = argparse.ArgumentParser(description="Orthogonal convolutions, measured.")
    names = [*PARTS, "plot"]
    # With none, argparse looks for the empty list among the choices.
    parser.add_argument("parts", nargs="*", choices=[*names, []], metavar="PART")
    parser.add_argument("--full", action="store_true", help="more seeds and cases")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    options = parser.parse_args(arguments)
    parts = options.parts or names
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for name in parts:
        if name == "plot":
            plot(results, options.out)
            continue
        left = sum(EXPECTED[it] for it in parts if it in EXPECTED)
        start = time.perf_counter()
        results[name] = PARTS[name](options.full, _teller(name, left, options.full))
        EXPECTED.pop(name)
        minutes = results.setdefault("part minutes", {})
        minutes[name] = round((time.perf_counter() - start) / 60, 2)
        device = f"CPU {platform.machine()}, {os.cpu_count()} cores"
        results = summary(results, device)
        path.write_text(json.dumps(results, indent=2) + "\n")
    sys.stderr.write("\n")
    print(f"{results['verdict']}: {path}")


def _teller(part: str, left: float, full: bool) -> Say:
    start = time.perf_counter()

    def say(text: str) -> None:
        minutes = max(0.0, (5 if full else 1) * left - (time.perf_counter() - start))
        line = f"{part}: {text}; about {minutes / 60:.0f} minutes left"
        sys.stderr.write(f"\r\033[K{line}")
        sys.stderr.flush()

    return say


if __name__ == "__main__":
    main()
