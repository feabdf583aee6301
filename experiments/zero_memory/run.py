"""Does a device hold what ZeRO's formulas say, and what is it worth to vision models?

Command: python experiments/zero_memory/run.py [--full] [--tpu PYTHON]
Device:  any CPU; 2 minutes. --full compiles for TPUs that need not be there, in a
         PYTHON with libtpu: what results.json lacks of 30 programs, which took 2 to 39
         minutes each on a busy machine; each is kept as soon as it is done
Writes:  results.json, bars.svg, devices.svg, vision.svg
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from decoder import LARGE, count, formula
from plot import draw_bars, draw_devices, draw_vision


HERE = pathlib.Path(__file__).resolve().parent
# GB a device, of 7.5 billion parameters on 64 devices, as the paper's figure 1 has it.
PAPER = {"0": 120.0, "1": 31.4, "2": 16.6, "3": 1.9}
FLAGS = "--xla_force_host_platform_device_count=1024"


def compiled(python: str, script: str, *arguments: str) -> Iterator[list[Any]]:
    """What a script prints of each program, as soon as it does."""
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": FLAGS,
        "PYTHONPATH": os.pathsep.join(
            [str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
        ),
    }
    command = [python, str(HERE / script), *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            print(line, end="", flush=True)
            yield json.loads(line)
    if run.returncode:
        raise SystemExit(f"{script} ended with {run.returncode}")


def judge(decoder: dict[str, Any]) -> dict[str, bool]:
    """What the paper says, each part by itself."""
    states = {
        (place, int(devices), stage): found["state"]
        for place, counts in decoder.items()
        for devices, stages in counts.items()
        for stage, found in stages.items()
        if "state" in found
    }
    at_64 = {key: state for key, state in states.items() if key[1] == 64}
    return {
        "at 64 devices the figures are the paper's": all(
            (place, 64, stage) in at_64
            for place in decoder
            for stage in ("1", "2", "3")
        )
        and all(
            abs(state / 1e9 - PAPER[stage[0]]) < 0.05
            for (_, _, stage), state in at_64.items()
        ),
        "at 1 to 1,024 devices they are the formula's to 3%": all(
            abs(state / formula(count(LARGE), int(stage[0]), devices) - 1) < 0.03
            for (_, devices, stage), state in states.items()
        ),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Compiles, and writes results.json and the plots."""
    parser = argparse.ArgumentParser(description="What ZeRO spares of the memory.")
    parser.add_argument("--full", action="store_true", help="for TPUs too: hours")
    parser.add_argument(
        "--tpu", default=sys.executable, help="a Python that has libtpu"
    )
    options = parser.parse_args(arguments)
    path = HERE / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    decoder, vision = results.get("decoder", {}), results.get("vision", {})
    minutes = results.get("minutes", {})

    def keep() -> None:
        path.write_text(json.dumps(summary(decoder, vision, minutes), indent=1) + "\n")

    start = time.monotonic()
    for place, devices, stage, found in compiled(sys.executable, "large.py", "cpu"):
        decoder.setdefault(place, {}).setdefault(str(devices), {})[stage] = found
    minutes["default"] = round((time.monotonic() - start) / 60, 1)
    keep()
    if options.full:
        there = decoder.setdefault("v5p", {})
        done = [f"v5p {n} {stage}" for n, stages in there.items() for stage in stages]
        for _, devices, stage, found in compiled(options.tpu, "large.py", "v5p", *done):
            there.setdefault(str(devices), {})[stage] = found
            keep()
        done = [
            f"{name} {stage}" for name, stages in vision.items() for stage in stages
        ]
        for name, stage, found in compiled(options.tpu, "vision.py", *done):
            vision.setdefault(name, {})[str(stage)] = found
            keep()
    draw_bars(decoder, PAPER, HERE / "bars.svg")
    draw_devices(decoder, HERE / "devices.svg")
    draw_vision(vision, HERE / "vision.svg")


def summary(
    decoder: dict[str, Any], vision: dict[str, Any], minutes: dict[str, float]
) -> dict[str, Any]:
    """What results.json holds."""
    claims = judge(decoder)
    return {
        "question": "Does a device hold what ZeRO's formulas say?",
        "verdict": "holds" if all(claims.values()) else "does not hold",
        "claims": claims,
        "paper": "ZeRO: Memory Optimizations Toward Training Trillion Parameter "
        "Models, Rajbhandari, Rasley, Ruwase and He, 2020",
        "command": "python experiments/zero_memory/run.py",
        "device": "CPU; compiled for virtual CPU devices, TPU v5p and v5e, never run",
        "minutes": minutes,
        "parameters": count(LARGE),
        "decoder": decoder,
        "vision": vision,
    }


if __name__ == "__main__":
    main()
