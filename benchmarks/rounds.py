"""Times of programs in interleaved rounds, and what 95% of fair coins say of them."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np


START = time.perf_counter()


def say(text: str) -> None:
    """Progress, on one line of the terminal."""
    sys.stderr.write(f"\r\033[K{time.perf_counter() - START:5.0f} s  {text}")
    sys.stderr.flush()


def row(*cells: object) -> None:
    """A row of a table in Markdown, in place of the progress."""
    sys.stderr.write("\r\033[K")
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def flops(program: tuple[Callable[..., Any], tuple[Any, ...]]) -> float:
    """Operations on real numbers in the program as written; nothing runs or compiles.

    XLA counts two for each pair of numbers that a product joins; complex ones are four
    pairs.
    """
    traced = jax.jit(program[0]).trace(*program[1])
    counted = traced.lower().cost_analysis()["flops"]
    return counted + 3 * _complex_products(traced.jaxpr.jaxpr)


def _complex_products(jaxpr: Any) -> float:
    found = 0.0
    for eqn in jaxpr.eqns:
        for inner in jax.tree.leaves(list(eqn.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(inner):
                found += _complex_products(getattr(inner, "jaxpr", inner))
        if eqn.primitive.name != "dot_general":
            continue
        left, out = eqn.invars[0].aval, eqn.outvars[0].aval
        if out.dtype.kind == "c":
            contracted = eqn.params["dimension_numbers"][0][0]
            joined = np.prod([left.shape[axis] for axis in contracted])
            found += 2.0 * np.prod(out.shape) * joined
    return found


def _is_jaxpr(value: Any) -> bool:
    return hasattr(value, "eqns")


def compiled(
    program: tuple[Callable[..., Any], tuple[Any, ...]],
) -> Callable[[], Any]:
    """The program, compiled and bound to its arguments; shapes become ones."""
    function, arguments = program
    arguments = jax.tree.map(
        lambda a: (
            jax.numpy.ones(a.shape, a.dtype)
            if isinstance(a, jax.ShapeDtypeStruct)
            else a
        ),
        arguments,
    )
    run = jax.jit(function).lower(*arguments).compile()
    return lambda: jax.block_until_ready(run(*arguments))


def rounds(
    calls: Mapping[str, Callable[[], Any]], count: int, what: str
) -> dict[str, np.ndarray]:
    """Seconds of each call in each round, in a random order, after one to warm up."""
    names, order = list(calls), np.random.default_rng(0)
    for name in names:
        say(f"{what}: warming up {name}")
        calls[name]()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    began = time.perf_counter()
    for turn in range(count):
        for name in (names[i] for i in order.permutation(len(names))):
            start = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - start)
        left = (time.perf_counter() - began) / (turn + 1) * (count - turn - 1)
        say(f"{what}: round {turn + 1} of {count}, about {left:.0f} s left")
    return {name: np.array(values) for name, values in seconds.items()}


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """The median of values, one a round, and its 95% interval.

    Of the order statistics whose ranks a fair coin leaves out with probability below
    5%: it assumes nothing of the distribution.
    """
    values = np.sort(values)
    n, tail, low = len(values), 0.5 ** len(values), 0
    term = tail
    while (term := term * (n - low) / (low + 1)) and tail + term <= 0.025:
        tail, low = tail + term, low + 1
    return float(np.median(values)), float(values[low]), float(values[n - 1 - low])
