"""Which blocks of its operands a kernel has in VMEM at each step."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from ...typing import Array
from .bodies import Job
from .schedule import Makes, Reads


LANES = 128

# An operand or a result, and its block.
Blocked = tuple[Any, Any]


def read_rows(x: Array, reads: Reads, job: Job) -> list[Blocked]:
    """The image once for each term of a row that is read."""

    def spec(t: int) -> Any:
        return _row(_block(x.shape, job), lambda s, at: at[0][t, s], job)

    return [(x, spec(t)) for t in range(len(reads.source))]


def at_target(y: Any, job: Job) -> Blocked:
    """The output, or its gradient, a row at a time."""
    table = len(Reads._fields) + Makes._fields.index("target")
    return y, _row(_block(y.shape, job), lambda s, at: at[table][s], job)


def result(x: Array, features: int, job: Job) -> Blocked:
    """What a convolution writes."""
    tile = [features, features]
    tile[batch_axis(job) - 2] = x.shape[batch_axis(job)]
    shape = (job.down.outputs, job.along.outputs, *tile)
    return at_target(jax.ShapeDtypeStruct(shape, x.dtype), job)


def _row(block: Sequence[int], row: Callable[[Any, Any], Any], job: Job) -> Any:
    """A block whose row is found in the tables of the schedule."""

    def index(b: Any, s: Any, *scalars: Any) -> tuple[Any, ...]:
        place = [row(s, scalars), 0, 0, 0]
        place[batch_axis(job)] = b
        return tuple(place)

    return pl.BlockSpec(tuple(block), index)


def whole(a: Any) -> Blocked:
    """An array that is read or written once, at one go."""
    return a, pl.BlockSpec(a.shape, lambda *_: (0,) * a.ndim)


def ring_of(x: Array, job: Job) -> Any:
    """Room for the rows under the taps."""
    tile = _block(x.shape, job)[2:]
    return pltpu.VMEM((job.down.taps, len(job.along.cells), *tile), x.dtype)


def _block(shape: Sequence[int], job: Job) -> list[int]:
    """One row of a part of the batch."""
    block = [1, *shape[1:]]
    block[batch_axis(job)] = part_of(shape[batch_axis(job)])
    return block


def part_of(batch: int) -> int:
    """How much of the batch is in a block: whole tiles, or all of it."""
    return next((p for p in (LANES, 64, 32, 16) if batch % p == 0), batch)


def batch_axis(job: Job) -> int:
    """Which axis of `[rows, columns, *tile]` is the batch."""
    return 3 if job.batch_last else 2


def laid_out(kernel: Array, job: Job) -> Array:
    """`[*window, in, out]`, or `[out, window in]` for one product with a patch."""
    return kernel.reshape(-1, kernel.shape[-1]).T if job.batch_last else kernel
