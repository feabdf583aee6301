"""Part e: the time of a training step, plain, with L_orth, with exact layers."""

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
BATCHES = (64, 512)


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


def ratios(seconds: dict[str, np.ndarray], base: str) -> dict[str, Any]:
    """Median and quartiles of the ratios to the base, round by round."""
    found = {}
    for name, them in seconds.items():
        low, middle, high = np.quantile(them / seconds[base], (0.25, 0.5, 0.75))
        found[name] = {
            "ratio": round(float(middle), 3),
            "quartiles": [round(float(low), 3), round(float(high), 3)],
            "milliseconds": round(1e3 * float(np.median(them)), 2),
        }
    return found


def measure(count: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Ratios to the plain step, by shape and batch."""
    found = {}
    for shape in ("rectangular", "square"):
        for batch in BATCHES:
            say(f"{shape}, batches of {batch}")
            calls = {name: call(shape, name, batch) for name in KINDS}
            found[f"{shape}, {batch}"] = ratios(rounds(calls, count), "plain")
    return found
