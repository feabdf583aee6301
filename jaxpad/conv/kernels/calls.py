"""The two Pallas calls: which blocks go into VMEM and out of it at each step."""

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
    batch_axis,
    laid_out,
    part_of,
    read_rows,
    result,
    ring_of,
    whole,
)
from .bodies import Job, correlate, held, load, make
from .schedule import (
    Line,
    Makes,
    Reads,
    adjoint_line,
    backward_steps,
    forward_steps,
)


# What the compiler keeps in VMEM beside the blocks and the scratch.
SLACK = 4 * 2**20


def forward(x: Array, kernel: Array, job: Job) -> Array:
    """The convolution of `[rows, columns, *tile]` with `[*window, in, out]`."""
    reads, makes = forward_steps(job.down)
    (y,) = _call(
        functools.partial(_forward_body, job=job),
        (*reads, *makes),
        [*read_rows(x, reads, 0, job), whole(laid_out(kernel, job))],
        [result(x, job.down, job.along, kernel.shape[-1], job)],
        [ring_of(x, job.down, job.along, job)],
        makes,
        job,
        flops=_flops(kernel, x, job),
    )
    return y


def backward(x: Array, g: Array, kernel: Array, job: Job) -> tuple[Array, Array]:
    """The gradients to the image and, in float32, to the kernel, from that to y."""
    reads, makes, beside, due = backward_steps(job.down)
    down, along = adjoint_line(job.down), adjoint_line(job.along)
    turned = laid_out(jnp.flip(kernel, (0, 1)).swapaxes(2, 3), job)
    features = kernel.shape[3]
    shape = (kernel.size // features, features) if job.batch_last else kernel.shape
    dx, dkernel = _call(
        functools.partial(_backward_body, job=job, along=along),
        (*reads, *makes, *beside, due),
        [
            *read_rows(g, reads, 0, job),
            whole(turned),
            *read_rows(x, beside, len(reads) + len(makes), job),
        ],
        [
            result(g, down, along, kernel.shape[2], job),
            whole(jax.ShapeDtypeStruct(shape, jnp.float32)),
        ],
        [ring_of(g, down, along, job), ring_of(x, job.down, job.along, job)],
        makes,
        job,
        flops=2 * _flops(kernel, x, job),
    )
    return dx, dkernel.reshape(kernel.shape)


def _forward_body(*refs: Any, job: Job) -> None:
    reads, makes, (*x, kernel, y, ring, row, kept) = _split(refs)
    load(reads, x, ring, job.along)
    slots = held(reads, job.down.taps)
    make(makes, slots, (ring, kernel, y, row, kept), job, job.along)


def _backward_body(*refs: Any, job: Job, along: Line) -> None:
    reads, makes, rest = _split(refs)
    beside = Reads(*rest[: len(reads)])
    due, g, turned, *x, dx, dkernel, ring, image, row, kept = rest[len(reads) :]
    s = pl.program_id(1)

    @pl.when((pl.program_id(0) == 0) & (s == 0))
    def _() -> None:
        dkernel[...] = jnp.zeros_like(dkernel)

    load(reads, [g], ring, along)
    load(beside, x, image, job.along)
    slots, beneath = held(reads, job.down.taps), held(beside, job.down.taps)
    make(makes, slots, (ring, turned, dx, row, kept), job, along)

    @pl.when(due[s] == 1)
    def _() -> None:
        correlate(beneath, (image, g, dkernel), job)


def _split(refs: Sequence[Any]) -> tuple[Reads, Makes, Sequence[Any]]:
    n, m = len(Reads._fields), len(Makes._fields)
    return Reads(*refs[:n]), Makes(*refs[n : n + m]), refs[n + m :]


def _call(
    body: Callable[..., None],
    scalars: Sequence[np.ndarray],
    operands: Sequence[Blocked],
    results: Sequence[Blocked],
    rings: Sequence[Any],
    makes: Makes,
    job: Job,
    flops: int,
) -> Sequence[Array]:
    batch = operands[0][0].shape[batch_axis(job)]
    grid = (batch // part_of(batch), len(makes.made))
    blocks = [*operands, *results]
    made = results[0][1].block_shape[1:]
    scratch = [
        *rings,
        pltpu.VMEM(made, jnp.float32),
        pltpu.VMEM((len(makes.extra), *made), jnp.float32),
    ]
    vmem = 2 * sum(_bytes(spec.block_shape, a.dtype) for a, spec in blocks)
    vmem += sum(_bytes(s.shape, s.dtype) for s in scratch)
    return pl.pallas_call(
        body,
        out_shape=[a for a, _ in results],
        grid_spec=pltpu.PrefetchScalarGridSpec(
            num_scalar_prefetch=len(scalars),
            grid=grid,
            in_specs=[spec for _, spec in operands],
            out_specs=[spec for _, spec in results],
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


def _flops(kernel: Array, x: Array, job: Job) -> int:
    outputs = job.down.outputs * job.along.outputs * x.shape[batch_axis(job)]
    return 2 * kernel.size * outputs


def _moved(grid: Sequence[int], scalars: Any, spec: Any, dtype: Any) -> int:
    """Bytes of an operand's blocks, of which one is moved when its index changes."""
    indices = [spec.index_map(*at, *scalars) for at in np.ndindex(*grid)]
    moves = 1 + sum(a != b for a, b in itertools.pairwise(indices))
    return moves * _bytes(spec.block_shape, dtype)


def _bytes(shape: Sequence[int], dtype: Any) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize
