"""2,000 steps, killed with -9 fifty times at random: `make soak`, in half an hour.

A run that nothing happens to comes first: its memory is looked at, and what it
compiles. Then the same run is started and killed at random moments, and must end with
the same bits. Exit status 1 if anything was lost.
"""

import argparse
import collections
import os
import pathlib
import random
import sys
import tempfile
import time
from typing import Any

import numpy as np

from jaxpad.train.checkpoint import saved_steps
from jaxpad.train.checkpoint.folder import unfinished_in
from jaxpad.train.checkpoint.look import verify
from tests.faults.counted import VARIABLE
from tests.faults.processes import DEVICES, begun, rows, said
from tests.train.test_resume import assert_same_end, metrics


JOB: dict[str, Any] = {
    "dataset": "tests.faults.counted:digits",
    "model": "tests.train.networks:resnet8",
    "batch_size": 512,
    "checkpoint_steps": 20,
    "eval_epochs": 30,
}
COLD = {"JAX_ENABLE_COMPILATION_CACHE": "0"}  # each start compiles
STEP_FUNCTIONS = ("jit(train_step)", "jit(eval_step)")
# Of the memory half way is taken for noise. Until then allocators take what they will
# need; and tensorstore 0.1.86 keeps some kilobytes of each save, what its counters say.
FLAT = 1.02


def main() -> None:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, help="of the moments; a random one if none")
    given = parser.parse_args()
    # As many devices as the runs have: their checkpoints are read here.
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    folder = pathlib.Path(tempfile.mkdtemp(prefix="jaxpad-soak-"))
    print(f"{given.steps} steps, {given.kills} kills, seed {seed}, in {folder}")
    job = JOB | {"steps": given.steps}
    started, trained = whole(folder / "whole", job)
    kill_often(folder / "killed", job, given.kills, seed, started, trained)
    compare(folder / "killed", folder / "whole", given.steps)


def whole(folder: pathlib.Path, job: dict[str, Any]) -> tuple[float, float]:
    """Trains undisturbed; returns the seconds until the first step, and after it."""
    start, first, memory = time.monotonic(), 0.0, []
    compiled = folder / "compiled"
    with begun(folder, variables={**COLD, VARIABLE: str(compiled)}, **job) as process:
        while process.poll() is None:
            done = rows(folder)
            first = first or (time.monotonic() if done else 0.0)
            memory.append((done, resident(process.pid)))
            show(f"undisturbed: step {done}", start, done / job["steps"])
            time.sleep(0.5)
        expect(process.returncode == 0, f"the whole run ended: {said(folder)}")
    whole_memory(memory, job["steps"])
    names = collections.Counter(line.split()[1] for line in open(compiled))
    counts = {name: names[name] for name in STEP_FUNCTIONS}
    expect(set(counts.values()) == {1}, f"compiled once each: {counts}")
    return first - start, time.monotonic() - first


def whole_memory(memory: list[tuple[int, int]], steps: int) -> None:
    """Prints the resident memory over the run, and whether it is flat at last."""
    tenths = [
        float(np.median([b for done, b in memory if low <= done / steps < low + 0.1]))
        for low in np.arange(1, 10) / 10
    ]
    shown = " ".join(f"{b / 2**20:.0f}" for b in tenths)
    growth = tenths[-1] / tenths[4]
    expect(growth < FLAT, f"MiB held, by tenths of the run: {shown} ({growth:.3f})")


def kill_often(
    folder: pathlib.Path,
    job: dict[str, Any],
    kills: int,
    seed: int,
    started: float,
    trained: float,
) -> None:
    """Starts the run and kills it, so many times; then lets it end."""
    draw, phases, start = random.Random(seed), collections.Counter(), time.monotonic()
    # Moments are even over [0, latest], so that all kills together cost 0.8 of a run.
    share = 0.8 * trained / kills
    latest = started + share + (share * (share + 2 * started)) ** 0.5
    for number in range(kills):
        with begun(folder, variables=COLD, **job) as process:
            time.sleep(draw.uniform(0, latest))
            more = "the run is over too early: give more --steps or fewer --kills"
            expect(process.poll() is None, more, quiet=True)
            phases[phase(folder)] += 1
        done = max(saved_steps(folder), default=0)
        show(f"killed {number + 1}, at step {done}", start, (number + 1) / kills)
    expect(True, f"killed while {dict(phases.most_common())}")
    with begun(folder, variables=COLD, **job) as process:
        code = process.wait()
    expect(code == 0, f"started again, it ended with {code}")


def phase(folder: pathlib.Path) -> str:
    """What a run is doing, by its folder and what it printed."""
    text = said(folder)
    if unfinished_in(folder / "checkpoints"):
        return "saving"
    if "compiled the training step" in text:
        return "training or testing"
    return "compiling" if "compiling the training step" in text else "starting"


def compare(killed: pathlib.Path, undisturbed: pathlib.Path, steps: int) -> None:
    """Says whether both have ended alike."""
    assert_same_end(killed, undisturbed, "killed")
    expect(True, "parameters, optimizer's state and log are equal, bit for bit")
    logged = [row["step"] for row in metrics(killed) if "loss" in row]
    expect(logged == list(range(1, steps + 1)), "each step is logged once")
    found = {text for _, text in verify(killed) if text}
    expect(all(text.startswith("ok") for text in found), f"checkpoints: {found}")


def resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 when it has ended."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = (line.split() for line in status.splitlines())
    return next((int(line[1]) * 1024 for line in lines if line[0] == "VmRSS:"), 0)


def show(what: str, start: float, share: float) -> None:
    """A line of progress with the minutes left."""
    if share:
        left = (time.monotonic() - start) * (1 / share - 1) / 60
        what += f", {left:.0f} min left"
    print(f"\r{what}   ", end="", flush=True)


def expect(holds: bool, what: str, *, quiet: bool = False) -> None:
    """Prints what was found; ends with 1 where that is not what is promised."""
    if not (holds and quiet):
        print(f"\r{'ok' if holds else 'FAILED'}: {what}")
    if not holds:
        sys.exit(1)


if __name__ == "__main__":
    main()
