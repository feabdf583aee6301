"""What a training step of each arm costs: real tokens a second, FLOPs and memory."""

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from arms import ARMS
from training import cells_of, stepper


ROUNDS = 30


def measure(say: Callable[[str], None], rounds: int = ROUNDS) -> dict[str, Any]:
    """By arm; a round is a step of each, in a random order, so they share what is slow.

    "tokens a second" has one number a round. FLOPs and temporary bytes are those of the
    compiled step, FLOPs by the mean of real tokens.
    """
    runs = {}
    for name in ARMS:
        say(f"compiling {name}")
        runs[name] = prepared(name)
    order = np.random.default_rng(0)
    for turn in range(-1, rounds):  # one to warm up
        say(f"round {turn + 1} of {rounds}")
        for name in order.permutation(list(runs)):
            run = runs[name]
            speed = advance(run, turn + 1)
            if turn >= 0:
                run["tokens a second"].append(round(speed))
    kept = ("tokens a second", "FLOPs a token", "temporary bytes", "padding")
    return {name: {key: run[key] for key in kept} for name, run in runs.items()}


def prepared(name: str) -> dict[str, Any]:
    """An arm's compiled step with what it begins with, and its repeatable costs."""
    batches, step, state, _ = stepper(ARMS[name], seed=0)
    compiled = step.lower(state, cells_of(batches[0])).compile()
    steps = batches.steps_per_epoch
    tokens = sum(int((batches[n]["segment_ids"] > 0).sum()) for n in range(steps))
    return {
        "batches": batches,
        "step": compiled,
        "state": state,
        "tokens a second": [],
        "FLOPs a token": round(compiled.cost_analysis()["flops"] * steps / tokens),
        "temporary bytes": compiled.memory_analysis().temp_size_in_bytes,
        "padding": round(batches.padding_share, 4),
    }


def advance(run: dict[str, Any], number: int) -> float:
    """Real tokens a second of one step."""
    batch = run["batches"][number]
    cells = jax.block_until_ready(cells_of(batch))
    start = time.perf_counter()
    run["state"] = jax.block_until_ready(run["step"](run["state"], cells)[0])
    seconds = time.perf_counter() - start
    return float((batch["segment_ids"] > 0).sum()) / seconds
