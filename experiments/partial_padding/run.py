"""Does partial convolution pad better than zeros?

Command: python experiments/partial_padding/run.py [--full] [--runs DIR] [--jobs N]
Device:  any CPU: a quarter of an hour on two cores; --full two to four hours
Writes:  results.json and three pictures; the runs, each with a report, go into DIR
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from claims import UNKNOWN, claims
from collect import collect
from compute import megaflops
from pictures import draw
from settings import Setting, quick, settings

from jaxpad.untrusted import read_json


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
    code = subprocess.run(command, check=False).returncode
    if code:
        sys.exit(f"{setting.name} ended with {code}; the same command goes on with it")


def measure(chosen: Sequence[Setting], options: Any) -> Iterator[dict[str, Any]]:
    """The numbers of every setting so far, by name, as each comes to its end.

    What is finished is not trained again.
    """
    found, start = {}, time.monotonic()
    for number, setting in enumerate(chosen):
        folder = options.runs / setting.name.replace(" ", "-")
        print(f"\n{setting.name}: setting {number + 1} of {len(chosen)}", flush=True)
        train(setting, folder, options.jobs, options.full)
        found[setting.name] = collect(folder)
        for padding, figures in found[setting.name].items():
            figures["megaflops"] = megaflops(setting, padding)
        spent = (time.monotonic() - start) / 60
        left = spent / (number + 1) * (len(chosen) - number - 1)
        print(f"{spent:.0f} min, about {left:.0f} min left", flush=True)
        yield found


def device(runs: pathlib.Path) -> str:
    """What a run says that it was trained on."""
    path = next(runs.glob("*/*/results.json"))
    return read_json(path)["device"]


def record(found: Any, command: str, device: str, left_out: list[str]) -> Any:
    """What results.json holds."""
    judged = claims(found)
    first = next((c.verdict for c in judged), UNKNOWN)
    arms = [arm for arms in found.values() for arm in arms.values()]
    return {
        "question": "Does partial convolution pad better than zeros?",
        "verdict": first.replace(UNKNOWN, f"{UNKNOWN} at this size"),
        "claims": [
            {
                "says": c.says,
                "verdict": c.verdict,
                "difference": round(c.found.mean, 3),
                "interval": [round(c.found.low, 3), round(c.found.high, 3)],
                "p, Holm": c.corrected,
                "pairs": c.found.seeds,
                "pairs needed": c.needed,
            }
            for c in judged
        ],
        "paper": "Partial Convolution based Padding, Liu, Shih, Wang, Reda, Sapra, Yu, "
        "Tao and Catanzaro, 2018",
        "command": command,
        "device": device,
        "minutes": round(sum(sum(arm["minutes"]) for arm in arms)),
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
    options.out.mkdir(parents=True, exist_ok=True)
    results = {}
    for found in measure(chosen, options):
        command = f"python experiments/partial_padding/run.py{' --full' * options.full}"
        left_out = [s.name for s in settings() if s.name not in found]
        results = record(found, command, device(options.runs), left_out)
        path = options.out / "results.json"
        path.write_text(f"{json.dumps(results, indent=1)}\n")
        draw(found, options.out)
    summary(results, options.out, full=options.full)


def summary(results: dict[str, Any], out: pathlib.Path, *, full: bool) -> None:
    """Says what was found, and what was left out."""
    print()
    for claim in results["claims"]:
        low, high = claim["interval"]
        print(f"{claim['verdict']:16}{claim['says']}: ", end="")
        print(f"{claim['difference']:+.2f} points ({low:+.2f} to {high:+.2f})")
    if not full:
        print(f"left out, --full has it: {', '.join(results['left out'])};")
        print("five more paddings, nets tested under others, errors near borders")
    print(f"written to {out}: results.json and pictures")


if __name__ == "__main__":
    main()
