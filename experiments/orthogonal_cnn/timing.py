"""Part e: the time of a training step, plain, with L_orth, with exact layers."""

import os
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from classifier import Net, digits, program
from flax import nnx


KINDS = {
    "plain": ("Glorot", False),
    "L_orth": ("Glorot", True),
    "exact": ("exact", False),
}
BATCHES = (64, 256)


def call(shape: str, name: str, batch: int) -> Callable[[], Any]:
    """A compiled step on one batch, which waits for its result."""
    kind, penalised = KINDS[name]
    made = program(Net(shape, kind, rngs=nnx.Rngs(0)), 100, penalised=penalised)
    train, _ = digits()
    arguments = (*made.state, 0.1, train.images[:batch], train.labels[:batch])

    def run() -> Any:
        return jax.block_until_ready(made.step(*arguments))

    return run


def rounds(calls: dict[str, Callable[[], Any]], count: int) -> dict[str, np.ndarray]:
    """Seconds of each call in each round, in a random order; two before are left out.

    What else the machine does then hits all of them alike.
    """
    rng = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(count + 2):
        for name in rng.permutation(list(calls)):
            start = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(them[2:]) for name, them in seconds.items()}


def ratio(seconds: np.ndarray, base: np.ndarray) -> list[float]:
    """Lower quartile, median and upper quartile of the ratios round by round."""
    quartiles = np.quantile(seconds / base, (0.25, 0.5, 0.75))
    return [round(float(it), 3) for it in quartiles]


def compare(seconds: dict[str, np.ndarray]) -> dict[str, Any]:
    """Beside the plain step; and L_orth beside exact layers."""
    return {
        "milliseconds, plain": round(1e3 * float(np.median(seconds["plain"])), 1),
        "L_orth / plain": ratio(seconds["L_orth"], seconds["plain"]),
        "exact / plain": ratio(seconds["exact"], seconds["plain"]),
        "L_orth / exact": ratio(seconds["L_orth"], seconds["exact"]),
    }


def measure(count: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Ratios of times, by shape and batch, and how busy the machine was."""
    found: dict[str, Any] = {"load": round(os.getloadavg()[0], 1)}
    for shape in ("rectangular", "square"):
        for batch in BATCHES:
            say(f"{shape}, batches of {batch}")
            calls = {name: call(shape, name, batch) for name in KINDS}
            found[f"{shape}, {batch}"] = compare(rounds(calls, count))
    return found
