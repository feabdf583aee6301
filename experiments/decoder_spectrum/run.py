"""Are the theorems of "Defects of Convolutional Decoder Networks" right?

Command: python experiments/decoder_spectrum/run.py [--full]
Device:  any CPU; about 3 minutes on two cores
Writes:  results.json, the tables of README.md, and depth, shares, padding, upsampling
         and maps.svg
"""

import argparse
import json
import pathlib
import re
import time
from collections.abc import Sequence
from typing import Any

import claims
import failures
import figures
import networks
import readme
import theorems


HERE = pathlib.Path(__file__).resolve().parent
SEEDS, FULL = 10, 30
EXACT = 1e-10


def table(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned columns; the first is the head."""
    widths = [max(len(str(row[c])) for row in rows) for c in range(len(rows[0]))]
    lines = [
        "  ".join(f"{cell!s:<{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def measure(seeds: range) -> dict[str, Any]:
    """Every measurement on every seed."""
    start, measured, done = time.monotonic(), {}, 0
    total = len(networks.MEASUREMENTS) * len(seeds)
    for name, function in networks.MEASUREMENTS.items():
        runs = []
        for seed in seeds:
            runs.append(function(seed))
            done += 1
        seconds = (time.monotonic() - start) * (total / done - 1)
        print(f"{name}: measured; about {seconds:.0f} seconds left", flush=True)
        measured[name] = networks.combine(runs)
    return measured


def judge(results: dict[str, Any]) -> str:
    """Whether everything that the paper states held: theorems, remarks, claims."""
    exact = all(row["largest error"] < EXACT for row in results["theorems"].values())
    wrong = any(row["fails"] for row in results["statements"].values())
    claimed = all(
        min(row["holds"].values()) == row["seeds"] for row in results["claims"].values()
    )
    return "holds" if exact and not wrong and claimed else "does not hold"


def show(results: dict[str, Any]) -> None:
    """Prints the three tables."""
    rows = [("theorem", "cases", "largest error", "statement")]
    rows += [
        (name, row["cases"], f"{row['largest error']:.0e}", row["statement"])
        for name, row in results["theorems"].items()
    ]
    print(table(rows), end="\n\n")
    rows = [("statement", "it says", "it is", "fails")]
    rows += [
        (name, row["says"], row["is"], row["fails"])
        for name, row in results["statements"].items()
    ]
    print(table(rows), end="\n\n")
    rows = [("claim on networks", "where", "holds on", "statement")]
    rows += [
        (name, case, f"{seeds} of {row['seeds']} seeds", row["statement"])
        for name, row in results["claims"].items()
        for case, seeds in row["holds"].items()
    ]
    print(table(rows))


def main(arguments: Sequence[str] | None = None) -> None:
    """Checks, measures, and writes results.json and the figures."""
    parser = argparse.ArgumentParser(description="Frequencies in random decoders.")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    parser.add_argument("--full", action="store_true", help=f"{FULL} seeds")
    options = parser.parse_args(arguments)
    start, seeds = time.monotonic(), range(FULL if options.full else SEEDS)
    results: dict[str, Any] = {
        "question": "Are the theorems on what decoders do to frequencies right?",
        "verdict": "",
        "paper": "Defects of Convolutional Decoder Networks in Frequency "
        "Representation, Tang et al., ICML 2023",
        "command": "python experiments/decoder_spectrum/run.py",
        "device": "CPU",
        "theorems": theorems.run(seeds),
        "statements": failures.run(),
        "measured": measure(seeds),
    }
    results["claims"] = claims.judge(results["measured"])
    results["verdict"] = judge(results)
    results["minutes"] = round((time.monotonic() - start) / 60, 1)
    show(results)
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=2)
    # A list of numbers on one line.
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", _one_line, text)
    (options.out / "results.json").write_text(f"{text}\n")
    figures.draw_all(results["measured"], options.out)
    if (page := options.out / "README.md").exists():
        page.write_text(readme.fill(page.read_text(), results))


def _one_line(found: re.Match[str]) -> str:
    return "[" + " ".join(found[1].split()) + "]"


if __name__ == "__main__":
    main()
