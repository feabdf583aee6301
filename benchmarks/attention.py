"""How long attention over packed rows takes, and what memory, beside jax's own.

Command: python benchmarks/attention.py [--rounds N]
Device:  a CPU, 7 minutes on two busy cores; or one GPU or TPU, with its kernels too
Expect:  on a CPU "dense" as fast as jax's own; "chunked" faster from some length on,
         in a fraction of the memory
"""

import argparse
import datetime
import functools
import os
import platform
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rounds import interval, rounds, row, say

from jaxpad.attention import IMPLEMENTATIONS, Case, attention
from jaxpad.attention.choose import refusals


TOKENS, HEADS, HEAD_DIM = 2048, 4, 64
LENGTHS, SEGMENTS = (256, 512, 1024, 2048), (1, 8)
PEER = "jax.nn.dot_product_attention"


def case_of(length: int, segments: int) -> Case:
    """What decides who can do it: one segment is a whole row, without ids."""
    backend = jax.default_backend()
    return Case(
        layout="segments" if segments > 1 else "whole",
        cross=False,
        causal=False,
        dtype="float32" if backend == "cpu" else "bfloat16",
        head_dim=HEAD_DIM,
        scores=length * length,
        backend=backend,
        one_device=True,
    )


def native(case: Case) -> tuple[list[str], dict[str, list[str]]]:
    """Who is compiled for this device and can do it; of the others why not."""
    reasons = {
        name: refusals(can._replace(emulated=False), case)
        for name, can in IMPLEMENTATIONS.abilities.items()
    }
    able = [name for name, found in reasons.items() if not found]
    return able, {name: found for name, found in reasons.items() if found}


def ids_of(rows: int, length: int, segments: int) -> np.ndarray:
    """Full rows of segments that are cut at random, `[rows, length]`."""
    order, starts = np.random.default_rng(0), np.zeros((rows, length), np.int32)
    for of_row in starts:
        of_row[1 + order.choice(length - 1, segments - 1, replace=False)] = 1
    return 1 + np.cumsum(starts, axis=1, dtype=np.int32)


def of_jax(q: jax.Array, k: jax.Array, v: jax.Array, ids: Any) -> jax.Array:
    """By XLA, with the mask written out as a user would."""
    mask = None if ids is None else (ids[:, :, None] == ids[:, None])[:, None]
    return jax.nn.dot_product_attention(q, k, v, mask=mask, implementation="xla")


def of_jaxpad(name: str, q: jax.Array, k: jax.Array, v: jax.Array, ids: Any) -> Any:
    return attention(q, k, v, segment_ids=ids, implementation=name)


def forward_of(attend: Callable[..., Any]) -> Callable[..., Any]:
    return lambda q, k, v, g, ids: attend(q, k, v, ids)


def gradient_of(attend: Callable[..., Any]) -> Callable[..., Any]:
    """Forward and backward: the gradients of queries, keys and values."""

    def program(q: Any, k: Any, v: Any, g: Any, ids: Any) -> Any:
        return jax.vjp(lambda *x: attend(*x, ids), q, k, v)[1](g)

    return program


def compiled(program: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """A call of the program, and the bytes that it holds besides arguments, results."""
    run: Any = jax.jit(program).lower(*arguments).compile()
    held = run.memory_analysis().temp_size_in_bytes
    return lambda: jax.block_until_ready(run(*arguments)), held


def arguments_of(case: Case, length: int, segments: int) -> tuple[Any, ...]:
    shape = TOKENS // length, length, HEADS, HEAD_DIM
    qkvg = jax.random.normal(jax.random.key(0), (4, *shape), jnp.dtype(case.dtype))
    ids = ids_of(*shape[:2], segments) if segments > 1 else None
    return *qkvg, None if ids is None else jnp.asarray(ids)


def compare(length: int, segments: int, count: int) -> None:
    """Two rows of the table: forward, and with the gradient."""
    arguments = arguments_of(case := case_of(length, segments), length, segments)
    able, _ = native(case)
    attends = {PEER: of_jax}
    attends |= {name: functools.partial(of_jaxpad, name) for name in able}
    for what, made in (("forward", forward_of), ("gradient", gradient_of)):
        shown = f"{length} slots, {segments} segments, {what}"
        say(f"{shown}: compiling")
        found = {name: compiled(made(f), arguments) for name, f in attends.items()}
        seconds = rounds({n: call for n, (call, _) in found.items()}, count, shown)
        for name in able:
            row(
                *(length, segments, what, name),
                f"{1e3 * np.median(seconds[name]):.1f}",
                beside(seconds[name], seconds[PEER]),
                "" if name == "dense" else beside(seconds[name], seconds["dense"]),
                *(f"{found[n][1] / 2**20:.1f}" for n in (name, PEER)),
            )


def beside(seconds: np.ndarray, base: np.ndarray) -> str:
    middle, low, high = interval(seconds / base)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    device = f"{platform.machine()}, {jax.devices()[0].device_kind}"
    print(f"{device}, jax {jax.__version__}, {datetime.date.today()}")
    for segments in SEGMENTS:
        _, others = native(case := case_of(LENGTHS[0], segments))
        for name, reasons in others.items():
            print(f"{case.layout!r}: not {name}: {'; '.join(reasons)}")
    heads = ("slots", "segments", "what", "implementation", "ms", "times jax's")
    heads += ("times dense", "MiB", "jax's MiB")
    row(*heads)
    row(*["---"] * len(heads))
    for length in LENGTHS:
        for segments in SEGMENTS:
            compare(length, segments, arguments.rounds)
    print(f"load average: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
