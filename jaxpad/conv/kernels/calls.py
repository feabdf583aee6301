"""The Pallas calls: which blocks go into VMEM and out of it at each step."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from ...typing import Array
from .blocks import (
    Blocked,
    at_target,
    batch_axis,
    laid_out,
    part_of,
    read_rows,
    result,
    ring_of,
    whole,
)
from .bodies import Job, correlate, held, load, make
from .schedule import TARGET, Makes, Reads, steps_of


# What the compiler keeps in VMEM beside the blocks and the scratch.
SLACK = 4 * 2**20


def convolved(x: Array, kernel: Array, job: Job) -> Array:
    """The convolution of `[rows, columns, *tile]` with `[*window, in, out]`."""
    reads, makes = steps_of(job.down)
    y = result(x, kernel.shape[-1], job)
    made = y[1].block_shape[1:]
    return _call(
        functools.partial(_convolved_body, job=job),
        (*reads, *makes),
        [*read_rows(x, reads, job), whole(laid_out(kernel, job))],
        y,
        [
            ring_of(x, job),
            pltpu.VMEM(made, jnp.float32),
            pltpu.VMEM((len(makes.extra), *made), jnp.float32),
        ],
        job,
        flops=_flops(kernel.shape, x, job),
    )


def kernel_gradient(x: Array, g: Array, shape: tuple[int, ...], job: Job) -> Array:
    """The gradient to a kernel of a shape, float32, from that to the output."""
    reads, makes = steps_of(job.down)
    flat = (math.prod(shape[:-1]), shape[-1]) if job.batch_last else shape
    out = _call(
        functools.partial(_gradient_body, job=job),
        (*reads, *makes),
        [*read_rows(x, reads, job), at_target(g, job)],
        whole(jax.ShapeDtypeStruct(flat, jnp.float32)),
        [ring_of(x, job)],
        job,
        flops=_flops(shape, x, job),
    )
    return out.reshape(shape)


def _convolved_body(*refs: Any, job: Job) -> None:
    reads, makes, (*x, kernel, y, ring, row, kept) = _split(refs)
    load(reads, x, ring, job.along)
    make(makes, held(reads, job.down.taps), (ring, kernel, y, row, kept), job)


def _gradient_body(*refs: Any, job: Job) -> None:
    reads, makes, (*x, g, out, ring) = _split(refs)
    s, slots = pl.program_id(1), held(reads, job.down.taps)

    @pl.when((pl.program_id(0) == 0) & (s == 0))
    def _() -> None:
        out[...] = jnp.zeros_like(out)

    load(reads, x, ring, job.along)

    @pl.when(makes.made[s] == TARGET)
    def _() -> None:
        correlate(slots, (ring, g, out), job)


def _split(refs: Sequence[Any]) -> tuple[Reads, Makes, Sequence[Any]]:
    n, m = len(Reads._fields), len(Makes._fields)
    return Reads(*refs[:n]), Makes(*refs[n : n + m]), refs[n + m :]


def _call(
    body: Callable[..., None],
    scalars: Sequence[np.ndarray],
    operands: Sequence[Blocked],
    result: Blocked,
    scratch: Sequence[Any],
    job: Job,
    flops: int,
) -> Array:
    batch = operands[0][0].shape[batch_axis(job)]
    grid = (batch // part_of(batch), scalars[0].shape[-1])
    blocks = [*operands, result]
    vmem = 2 * sum(_bytes(spec.block_shape, a.dtype) for a, spec in blocks)
    vmem += sum(_bytes(s.shape, s.dtype) for s in scratch)
    return pl.pallas_call(
        body,
        out_shape=result[0],
        grid_spec=pltpu.PrefetchScalarGridSpec(
            num_scalar_prefetch=len(scalars),
            grid=grid,
            in_specs=[spec for _, spec in operands],
            out_specs=result[1],
            scratch_shapes=scratch,
        ),
        # In order: a step uses the rows that those before it have read.
        compiler_params=pltpu.CompilerParams(
            dimension_semantics=("arbitrary", "arbitrary"),
            vmem_limit_bytes=vmem + SLACK,
        ),
        cost_estimate=pl.CostEstimate(
            flops=flops,
            transcendentals=0,
            bytes_accessed=sum(_moved(grid, scalars, s, a.dtype) for a, s in blocks),
        ),
        interpret=job.interpret,
    )(*map(jnp.asarray, scalars), *(a for a, _ in operands))


def _flops(kernel: Sequence[int], x: Array, job: Job) -> int:
    outputs = job.down.outputs * job.along.outputs * x.shape[batch_axis(job)]
    return 2 * math.prod(kernel) * outputs


def _moved(grid: Sequence[int], scalars: Any, spec: Any, dtype: Any) -> int:
    """Bytes of an operand's blocks, of which one is moved when its index changes."""
    indices = [spec.index_map(*at, *scalars) for at in np.ndindex(*grid)]
    moves = 1 + sum(a != b for a, b in itertools.pairwise(indices))
    return moves * _bytes(spec.block_shape, dtype)


def _bytes(shape: Sequence[int], dtype: Any) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize
