"""Times of programs in interleaved rounds; memory and bytes of the compiled ones."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np


def compiled(program: tuple[Callable[..., Any], tuple[Any, ...]]) -> Callable[[], Any]:
    """The program, compiled and bound to its arguments."""
    step, arguments = program
    run = jax.jit(step).lower(*arguments).compile()

    def call() -> Any:
        return jax.block_until_ready(run(*arguments))

    call.program = run  # pyright: ignore[reportFunctionMemberAccess]
    return call


def bytes_moved(run: Any) -> float:
    """What XLA counts as read and written by the program."""
    return run.cost_analysis()["bytes accessed"]


def bytes_held(run: Any) -> int:
    """What the program holds at once: arguments, results and temporary arrays."""
    memory = run.memory_analysis()
    return (
        memory.temp_size_in_bytes
        + memory.argument_size_in_bytes
        + memory.output_size_in_bytes
    )


def bytes_sent(program: str) -> int:
    """What arrives at each device by the collectives of a compiled program, as text.

    A collective's results stand before its name, several of them in brackets. Where it
    is split into a start and an end, the end has them.
    """
    kinds = "collective-permute|all-reduce|all-gather|all-to-all|reduce-scatter"
    results = re.findall(rf"= (.*?) (?:{kinds})(?:-done)?\(", program)
    arrays = re.findall(r"f32\[([\d,]*)\]", " ".join(results))
    return sum(4 * int(np.prod([int(n) for n in a.split(",") if n])) for a in arrays)


def rounds(
    calls: Mapping[Any, Callable[[], Any]], count: int, say: Callable[[str], None]
) -> dict[Any, np.ndarray]:
    """Seconds of each call in each of `count` rounds, after two to warm up.

    Each round has a random order: what ran before leaves the caches and the allocator
    in a state of its own, and no call shall always follow the same other.
    """
    names, order = list(calls), np.random.default_rng(0)
    for name in [*names, *names]:
        calls[name]()
    seconds = {name: [] for name in names}
    for turn in range(count):
        for name in (names[i] for i in order.permutation(len(names))):
            start = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - start)
        say(f"round {turn + 1} of {count}")
    return {name: np.array(values) for name, values in seconds.items()}


def ratio(seconds: np.ndarray, base: np.ndarray) -> dict[str, float | list[float]]:
    """The median of the ratios round by round, and its 95% interval.

    The interval is of the order statistics whose ranks a fair coin leaves out with
    probability below 5%: it assumes nothing of the distribution.
    """
    ratios = np.sort(seconds / base)
    n, tail, low = len(ratios), 0.5 ** len(ratios), 0
    term = tail
    while (term := term * (n - low) / (low + 1)) and tail + term <= 0.025:
        tail, low = tail + term, low + 1
    interval = [round(float(ratios[i]), 3) for i in (low, n - 1 - low)]
    return {"ratio": round(float(np.median(ratios)), 3), "interval": interval}
