"""Does partial convolution pad better than zeros?

Command: python experiments/partial_padding/run.py [--full] [--runs DIR] [--jobs N]
Device:  any CPU: ten minutes on two cores; --full three hours and a half
Writes:  results.json and three pictures; the runs, each with a report, go into DIR
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from claims import claims
from collect import collect
from pictures import draw
from settings import Setting, quick, settings


HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEEDS = 5


def train(setting: Setting, folder: pathlib.Path, jobs: int, full: bool) -> None:
    """Trains what is missing of a setting; `folder` is that of its sweep."""
    keys = dict(setting.overrides)
    if full and setting.norm:
        keys["borders"] = True
        keys["cross_paddings"] = setting.paddings
    command = [
        sys.executable,
        str(ROOT / "launch.py"),
        f"--config={HERE / setting.config}",
        *(f"--config.{key}={value}" for key, value in keys.items()),
        f"--workdir={folder}",
        f"--jobs={jobs}",
        "--sweep",
        f"padding={','.join(setting.paddings)}",
        f"seed=0:{SEEDS}",
    ]
    subprocess.run(command, check=True)


def measure(chosen: Sequence[Setting], runs: pathlib.Path, options: Any) -> Any:
    """The numbers of every setting, by name; what is finished is not trained again."""
    found, start, before = {}, time.monotonic(), time.monotonic()
    for number, setting in enumerate(chosen):
        folder = runs / setting.name.replace(" ", "-")
        print(f"\n{setting.name}: setting {number + 1} of {len(chosen)}", flush=True)
        train(setting, folder, options.jobs, options.full)
        found[setting.name] = collect(folder)
        now = time.monotonic()
        left = (now - start) / (number + 1) * (len(chosen) - number - 1)
        print(f"{(now - before) / 60:.0f} min, about {left / 60:.0f} min left")
        before = now
    return found


def record(found: Any, minutes: float, command: str, left_out: list[str]) -> Any:
    """What results.json holds."""
    judged = claims(found)
    first = next((c.verdict for c in judged), "cannot be told")
    return {
        "question": "Does partial convolution pad better than zeros?",
        "verdict": first,
        "claims": [
            {
                "says": c.says,
                "verdict": c.verdict,
                "difference": round(c.found.mean, 3),
                "interval": [round(c.found.low, 3), round(c.found.high, 3)],
                "p": c.found.p,
                "pairs": c.found.seeds,
                "pairs needed": c.needed,
            }
            for c in judged
        ],
        "paper": "Partial Convolution based Padding, Liu, Shih, Wang, Reda, Sapra, Yu, "
        "Tao and Catanzaro, 2018",
        "command": command,
        "device": "CPU",
        "minutes": round(minutes, 1),
        "left out": left_out,
        "settings": found,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Partial padding beside others.")
    parser.add_argument("--full", action="store_true", help="every setting")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    parser.add_argument(
        "--runs", type=pathlib.Path, default=pathlib.Path("runs/partial_padding")
    )
    options = parser.parse_args(arguments)
    chosen = settings() if options.full else quick()
    left_out = [s.name for s in settings() if s.name not in {c.name for c in chosen}]
    start = time.monotonic()
    found = measure(chosen, options.runs, options)
    minutes = (time.monotonic() - start) / 60
    command = f"python experiments/partial_padding/run.py{' --full' * options.full}"
    results = record(found, minutes, command, left_out)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.json"
    path.write_text(f"{json.dumps(results, indent=1)}\n")
    draw(found, options.out)
    for claim in results["claims"]:
        low, high = claim["interval"]
        print(f"{claim['verdict']:16}{claim['says']}: ", end="")
        print(f"{claim['difference']:+.2f} points ({low:+.2f} to {high:+.2f})")
    if left_out:
        print(f"left out (--full has them): {', '.join(left_out)};")
        print("other paddings, other paddings in the test, and what is near borders")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
