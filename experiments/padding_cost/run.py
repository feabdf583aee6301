"""What does a border that is not zero cost?

Command: python experiments/padding_cost/run.py [PART ...] [--torch PYTHON]
         [--tpu PYTHON]; the parts are residual, network, peers, sharded, tpu, plot
Device:  a quiet CPU; 35 minutes, of which 15 compile for a TPU that need not be there
Writes:  results.json, part by part; plot: cost.svg and the tables of README.md
"""

import argparse
import functools
import json
import os
import pathlib
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from libraries import PEERS, TORCH, in_torch, installed
from measure import bytes_held, bytes_moved, compiled, ratio, rounds
from programs import MAPS, blocks, by_jaxpad, resnet50
from report import summary, tables

from jaxpad.reports.markdown import filled


HERE = pathlib.Path(__file__).resolve().parent
MODES = ("circular", "reflect", "symmetric", "replicate")
ROUNDS = 31
# What "auto" picks, and the three that it picks from; zeros first, the base of ratios.
ARMS = {
    "zero": by_jaxpad("zero", "auto"),
    "partial": by_jaxpad("partial", "auto"),
    **{mode: by_jaxpad(mode, "auto") for mode in MODES},
    **{
        f"{mode}, {strategy}": by_jaxpad(mode, strategy)
        for strategy in ("built_in", "repad", "strips")
        for mode in MODES
    },
}


def compare(
    makers: dict[tuple[str, str], Callable[[], Any]], what: str, count: int
) -> dict[str, dict[str, Any]]:
    """Time and memory of programs by (name, padding), beside the name's own "zero"."""
    calls = {}
    for key, make in makers.items():
        say(f"{what}: compiling {' '.join(key)}")
        calls[key] = compiled(make())
    seconds = rounds(calls, count, lambda text: say(f"{what}: {text}"))
    found: dict[str, dict[str, Any]] = {}
    for name, padding in calls:
        own, zero = (name, padding), (name, "zero")
        run, base = calls[own].program, calls[zero].program
        found.setdefault(name, {})[padding] = {
            **ratio(seconds[own], seconds[zero]),
            "milliseconds": round(1e3 * float(np.median(seconds[own])), 1),
            "memory": round(bytes_held(run) / bytes_held(base), 3),
            "bytes": round(bytes_moved(run) / bytes_moved(base), 3),
        }
    return found


def say(text: str) -> None:
    sys.stderr.write(f"\r\033[K{time.perf_counter() - START:5.0f} s  {text}")
    sys.stderr.flush()


START = time.perf_counter()


def residual(_: argparse.Namespace) -> dict[str, Any]:
    """Training steps of residual blocks."""
    found: dict[str, Any] = {}
    for name, shape in MAPS.items():
        makers = {
            (f"blocks {name}", arm): functools.partial(blocks, shape, apply)
            for arm, apply in ARMS.items()
        }
        found |= compare(makers, f"blocks {name}", ROUNDS)
    return found


def network(_: argparse.Namespace) -> dict[str, Any]:
    """Training steps of ResNet-50."""
    makers = {
        ("ResNet-50", mode): functools.partial(resnet50, 4, mode)
        for mode in ("zero", "partial", *MODES)
    }
    return compare(makers, "ResNet-50", 21)


def peers(arguments: argparse.Namespace) -> dict[str, Any]:
    """One convolution, forward and backward, by each library beside its own zeros."""
    found: dict[str, Any] = {}
    for name, shape in MAPS.items():
        makers = {
            (f"{peer} {name}", mode): functools.partial(make, shape, mode)
            for peer, (make, modes) in PEERS.items()
            for mode in ("zero", *MODES)
            if mode in modes and installed(peer)
        }
        found |= compare(makers, f"one convolution {name}", ROUNDS)
    if arguments.torch:
        say("PyTorch")
        answer = in_torch(arguments.torch, dict(MAPS), ROUNDS)
        for name, seconds in answer["seconds"].items():
            zero = np.array(seconds["zeros"])
            found[f"torch {name}"] = {
                ours: ratio(np.array(seconds[theirs]), zero)
                for ours, theirs in TORCH.items()
            }
    return found


def sharded(_: argparse.Namespace) -> dict[str, Any]:
    """KiB between eight devices, forward and with the backward pass."""
    say("eight devices")
    return json.loads(_script(sys.executable, "sharded.py"))


def tpu(arguments: argparse.Namespace) -> dict[str, Any]:
    """MiB moved by the two blocks as compiled for a TPU v5e; what is there is kept."""
    found: dict[str, Any] = _results().get("tpu", {})
    done = [f"{name} {arm.replace(',', '')}" for name in found for arm in found[name]]
    command = [arguments.tpu, str(HERE / "tpu.py"), *done]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=_environment()
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            name, padding, strategy, cost = json.loads(line)
            found.setdefault(name, {})[f"{padding}, {strategy}"] = cost
            zero = found[name]["zero, built_in"]
            cost["ratio"] = round(cost["bytes"] / zero["bytes"], 3)
            say(f"TPU {name} {padding} {strategy}: {cost['ratio']} of zero's bytes")
    return found


def _results() -> dict[str, Any]:
    path = HERE / "results.json"
    return json.loads(path.read_text()) if path.exists() else {}


def plot(results: dict[str, Any]) -> None:
    """Draws the results, and writes them into the tables of README.md."""
    from plot import draw

    draw(results, HERE / "cost.svg")
    page = (HERE / "README.md").read_text()
    (HERE / "README.md").write_text(filled(page, tables(results)))


def _script(python: str, name: str) -> str:
    return subprocess.run(
        [python, str(HERE / name)],
        capture_output=True,
        text=True,
        env=_environment(),
        check=True,
    ).stdout


def _environment() -> dict[str, str]:
    """With this checkout on the path, where the other Python has no jaxpad."""
    checkout = str(HERE.parents[1])
    path = os.pathsep.join([checkout, os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


PARTS = {part.__name__: part for part in (residual, network, peers, sharded, tpu)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [*PARTS, "plot"]
    # With none, argparse looks for the empty list among the choices.
    parser.add_argument("parts", nargs="*", choices=[*names, []], metavar="PART")
    parser.add_argument("--torch", help="a Python that has torch")
    parser.add_argument(
        "--tpu", default=sys.executable, help="a Python that has libtpu"
    )
    arguments = parser.parse_args()
    path, results = HERE / "results.json", _results()
    for name in arguments.parts or names:
        if name == "plot":
            plot(results)
            continue
        start = time.perf_counter()
        results[name] = PARTS[name](arguments)
        minutes = results.setdefault("part minutes", {})
        minutes[name] = round((time.perf_counter() - start) / 60, 1)
        device = f"CPU {platform.machine()}, {os.cpu_count()} cores"
        results = summary(results, device)
        path.write_text(json.dumps(results, indent=2) + "\n")
    sys.stderr.write("\n")
    print(f"{results['verdict']}: {path}")


if __name__ == "__main__":
    main()
