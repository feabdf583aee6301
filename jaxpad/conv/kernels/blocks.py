"""Which blocks of its operands a kernel has in VMEM at each step."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from ...typing import Array
from .bodies import Job
from .schedule import Line, Makes, Reads


LANES = 128

# An operand or a result, and its block.
Blocked = tuple[Any, Any]


def read_rows(x: Array, reads: Reads, table: int, job: Job) -> list[Blocked]:
    """The image once for each term of a row that is read."""

    def spec(t: int) -> Any:
        return _row(_block(x.shape, job), lambda s, at: at[table][t, s], job)

    return [(x, spec(t)) for t in range(len(reads.source))]


def result(x: Array, down: Line, along: Line, features: int, job: Job) -> Blocked:
    """The result of a convolution, written a row at a time."""
    tile = [features, features]
    tile[batch_axis(job) - 2] = x.shape[batch_axis(job)]
    out = jax.ShapeDtypeStruct((down.outputs, along.outputs, *tile), x.dtype)
    table = len(Reads._fields) + Makes._fields.index("target")
    return out, _row(_block(out.shape, job), lambda s, at: at[table][s], job)


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


def ring_of(x: Array, down: Line, along: Line, job: Job) -> Any:
    """Room for the rows under the taps."""
    tile = _block(x.shape, job)[2:]
    return pltpu.VMEM((down.taps, len(along.cells), *tile), x.dtype)


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
