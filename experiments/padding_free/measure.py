"""One point of the grid: what every arm takes, and whether it computes the same."""

import ctypes
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import in_torch
import jax
import numpy as np
from arms import KINDS, Size, arms, compiled, drawn, model, outputs


Say = Callable[[str], None]
Call = Callable[[], Any]
# M_ARENA_MAX, M_MMAP_MAX and M_TRIM_THRESHOLD of glibc's malloc.h.
MALLOC = {-8: 1, -4: 0, -1: 2**31 - 1}


def steady() -> None:
    """One core, whose time does not depend on who has the others; and kept memory.

    By default glibc returns large arrays to the system after each call, which clears
    their pages for the next. That is no cost of a layout, and it jumps with its size.
    """
    if sys.platform != "linux":
        return
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    libc = ctypes.CDLL(None)
    for option, value in MALLOC.items():
        if hasattr(libc, "mallopt"):
            libc.mallopt(option, value)


def point(length: int, mean: float, count: int, size: Size, say: Say) -> dict[str, Any]:
    """Of rows of `length` cells that are filled to `mean` on average.

    Returns:
        The sizes of the batch; by arm and kind milliseconds of `count` rounds, and by
        XLA the FLOPs and the bytes of temporary arrays; and how far the result is from
        that of "padded".
    """
    sequences = drawn(length, mean, size)
    found = arms(sequences, length)
    _, parameters = model(length, size, None, "dense")
    calls: dict[tuple[str, str], Call] = {}
    costs: dict[str, Any] = {}
    results: dict[tuple[str, str], np.ndarray] = {}
    for name, arm in found.items():
        costs[name] = {"cells": arm.cells, "area": arm.area}
        for kind in KINDS:
            say(f"compiling {name}, {kind}")
            program = compiled(kind, arm, size)
            calls[name, kind] = call = _bound(program, parameters, arm.batch)
            costs[name][kind] = _counted(program, arm.implementation)
            out = call()
            read = outputs(arm, out) if kind == "forward" else _vector(out)
            results[name, kind] = read
    each = found["padded"].batch
    for name, kinds in in_torch.calls(parameters, each, size).items():
        costs[name] = {kind: {} for kind in kinds}
        calls |= {(name, kind): call for kind, call in kinds.items()}
        results[name, "forward"] = in_torch.outputs(kinds["forward"](), each)
    for (name, kind), result in results.items():
        costs[name][kind]["difference"] = _apart(result, results["padded", kind])
    for (name, kind), ms in rounds(calls, count, say).items():
        costs[name][kind]["ms"] = ms
    tokens = sum(map(len, sequences))
    return {"length": length, "mean": mean, "tokens": tokens, "arms": costs}


def _bound(program: Any, *arguments: Any) -> Call:
    return lambda: jax.block_until_ready(program(*arguments))


def _counted(program: Any, attention: str) -> dict[str, Any]:
    """By XLA. Of a loop it counts one turn, so there are no FLOPs of "chunked"."""
    held = {"temporary": program.memory_analysis().temp_size_in_bytes}
    if attention != "dense":
        return held
    return {**held, "flops": program.cost_analysis()["flops"]}


def _vector(step: Any) -> np.ndarray:
    """The loss and all gradients, in parts of the largest number of them."""
    numbers = np.concatenate([np.asarray(a).ravel() for a in jax.tree.leaves(step)])
    return numbers / abs(numbers).max()


def _apart(result: np.ndarray, base: np.ndarray) -> float:
    return float(f"{abs(result - base).max():.1e}")


def rounds(
    calls: Mapping[tuple[str, str], Call], count: int, say: Say
) -> dict[tuple[str, str], list[float]]:
    """Milliseconds of CPU time of each call in each round, after a round to warm up.

    Each round has a random order: no call always follows the same other. CPU time is
    what the process gets, whatever else the machine does meanwhile.
    """
    names, order = list(calls), np.random.default_rng(0)
    taken: dict[tuple[str, str], list[float]] = {name: [] for name in names}
    for turn in range(count + 1):
        say(f"round {turn} of {count}")
        for name in (names[i] for i in order.permutation(len(names))):
            start = time.process_time()
            calls[name]()
            taken[name].append(round(1e3 * (time.process_time() - start), 3))
    return {name: ms[1:] for name, ms in taken.items()}
