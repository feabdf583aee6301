"""Five seeds as one program beside five runs: wall and CPU seconds, compiling included.

Command: python benchmarks/seeds.py [--config FILE] [--epochs N]
Device:  a CPU, whose cores the sweep shares; seven minutes on two
Prints:  a line for each way, and its ratio to runs that share nothing
"""

import argparse
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence


ROOT = pathlib.Path(__file__).resolve().parents[1]
SEEDS = 5
PADDING = "padding=partial"


def seconds(commands: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Wall and CPU seconds of commands, one after another."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    for words in commands:
        subprocess.run(words, check=True, capture_output=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = (getattr(after, n) - getattr(before, n) for n in ("ru_utime", "ru_stime"))
    return time.monotonic() - start, sum(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="configs/default.py")
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    launch = [sys.executable, "launch.py", f"--config={given.config}"]
    launch += [f"--config.epochs={given.epochs}", f"--config.{PADDING}"]
    print(f"{SEEDS} seeds, {given.epochs} epochs, {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as name:
        sweep = ["--sweep", f"seed=0:{SEEDS}"]
        jobs = f"--jobs={os.cpu_count()}"
        ways = {
            "separate runs": [
                [*launch, f"--config.seed={seed}", f"--workdir={name}/{seed}"]
                for seed in range(SEEDS)
            ],
            "a sweep": [[*launch, f"--workdir={name}/sweep", jobs, *sweep]],
            "one program": [
                [*launch, f"--workdir={name}/one", "--one_program", *sweep]
            ],
        }
        first: tuple[float, float] | None = None
        for way, commands in ways.items():
            wall, used = seconds(commands)
            first = first or (wall, used)
            ratios = f"{wall / first[0]:.2f} of the wall time, {used / first[1]:.2f} of"
            print(f"{way:14}{wall:6.0f} s, CPU {used:6.0f} s: {ratios} the CPU time")


if __name__ == "__main__":
    main()
