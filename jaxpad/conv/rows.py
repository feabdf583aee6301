"""Pallas kernels that go down the rows of an image and hold as many as there are taps.

Rows and columns are the leading axes, as XLA lays images out for a TPU, and the two
others fill the tiles: `[rows, columns, batch, channels]`, or channels before batch
where there are few channels. A padding cell is then a whole number of tiles, and no
cell moves inside a tile.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from ..typing import Array
from .schedule import NOTHING, TARGET, Line, Steps, steps_of


# What Mosaic itself keeps in VMEM beside the blocks and the scratch.
SLACK = 4 * 2**20


class Job(NamedTuple):
    """What a kernel is to do.

    Attributes:
        lines: the convolution along the rows and along the columns.
        batch_last: whether the batch fills the lanes of a tile, else the channels do.
        precision: of the products.
        interpret: whether Pallas is to emulate the kernel.
    """

    lines: tuple[Line, Line]
    batch_last: bool
    precision: Any
    interpret: bool


def conv_rows(x: Array, kernel: Array, job: Job) -> Array:
    """`[rows, columns, *tile]` convolved with `[k, k, in, out]`, padded as it is read."""
    down, along = job.lines
    steps, tile = steps_of(down), _tile(x, job)
    features = kernel.shape[-1]
    made = (features, tile[1]) if job.batch_last else (tile[0], features)
    if job.batch_last:  # [k, out, k in]: the taps of a row are one product
        kernel = jnp.moveaxis(kernel, -1, 1).reshape(len(kernel), features, -1)
    out = _replaced(x.shape[2:], tile, made)
    return _call(
        functools.partial(_conv_body, job=job),
        [*[x] * len(steps.source), kernel],
        [*_rows_in(steps, along.size, tile, job), _whole(kernel.shape)],
        jax.ShapeDtypeStruct((down.count, along.count, *out), x.dtype),
        _row((along.count, *made), lambda s, steps: steps.target[s], job),
        [
            pltpu.VMEM((down.taps, len(along.cells), *tile), x.dtype),
            pltpu.VMEM((along.count, *made), jnp.float32),
            pltpu.VMEM((len(steps.extra), along.count, *made), jnp.float32),
        ],
        steps,
        job,
        flops=2 * kernel.size * down.count * along.count * _batch(x, job),
    )


def kernel_rows(x: Array, g: Array, job: Job) -> Array:
    """The gradient to the kernel, float32, from that to the output, `[rows, ...]`."""
    down, along = job.lines
    steps, tile = steps_of(down), _tile(x, job)
    g_tile = _tile(g, job)
    inputs, features = (t[0 if job.batch_last else 1] for t in (tile, g_tile))
    shape = (down.taps, along.taps, inputs, features)
    if job.batch_last:
        shape = (down.taps, along.taps * inputs, features)
    out = _call(
        functools.partial(_kernel_body, job=job),
        [*[x] * len(steps.source), g],
        [
            *_rows_in(steps, along.size, tile, job),
            _row((along.count, *g_tile), lambda s, steps: steps.target[s], job),
        ],
        jax.ShapeDtypeStruct(shape, jnp.float32),
        _whole(shape),
        [pltpu.VMEM((down.taps, len(along.cells), *tile), x.dtype)],
        steps,
        job,
        flops=2 * math.prod(shape) * down.count * along.count * _batch(x, job),
    )
    return out.reshape(down.taps, along.taps, inputs, features)


def moved(grid: Sequence[int], spec: Any, scalars: Any, dtype: Any) -> int:
    """Bytes of an operand's blocks, each moved when its index changes."""
    indices = [spec.index_map(*at, *scalars) for at in np.ndindex(*grid)]
    moves = 1 + sum(a != b for a, b in itertools.pairwise(indices))
    return moves * math.prod(spec.block_shape) * np.dtype(dtype).itemsize


def _call(
    body: Callable[..., None],
    operands: Sequence[Array],
    specs: Sequence[Any],
    out: jax.ShapeDtypeStruct,
    out_spec: Any,
    scratch: Sequence[Any],
    steps: Steps,
    job: Job,
    flops: int,
) -> Array:
    x = operands[0]
    grid = (_batch(x, job) // _lanes(_batch(x, job)), len(steps.slot))
    every = [*zip(specs, (a.dtype for a in operands), strict=True), (out_spec, out.dtype)]
    buffers = [
        *((2, s.block_shape, d) for s, d in every),
        *((1, s.shape, s.dtype) for s in scratch),
    ]
    vmem = sum(n * math.prod(s) * np.dtype(d).itemsize for n, s, d in buffers)
    return pl.pallas_call(
        body,
        out_shape=out,
        grid_spec=pltpu.PrefetchScalarGridSpec(
            num_scalar_prefetch=len(steps),
            grid=grid,
            in_specs=specs,
            out_specs=out_spec,
            scratch_shapes=scratch,
        ),
        compiler_params=pltpu.CompilerParams(
            dimension_semantics=("arbitrary", "arbitrary"),
            vmem_limit_bytes=vmem + SLACK,
        ),
        cost_estimate=pl.CostEstimate(
            flops=flops,
            transcendentals=0,
            bytes_accessed=sum(moved(grid, s, steps, d) for s, d in every),
        ),
        interpret=job.interpret,
    )(*map(jnp.asarray, steps), *operands)


def _conv_body(*refs: Any, job: Job) -> None:
    steps = Steps(*refs[: len(Steps._fields)])
    *x, kernel, y, ring, row, kept = refs[len(steps) :]
    down, along = job.lines
    s = pl.program_id(1)
    made = steps.made[s]
    _load(steps, s, x, ring, along)

    def full(f: Any) -> Array:
        """Full output `f` of this row."""
        slots = [(steps.oldest[s] + i) % down.taps for i in range(down.taps)]
        return sum(_products(ring, slots, f, along.taps, kernel, job))

    @pl.when(made != NOTHING)
    def _() -> None:
        @_for(along.count)
        def _(j: Any) -> None:
            row[j] = full(along.first + j * along.step)

        for j, weight, f in along.extra:
            row[j] += weight * full(f)

    @pl.when(made == TARGET)
    def _() -> None:
        weights = [steps.extra[i, s] for i in range(kept.shape[0] if down.extra else 0)]

        @_for(along.count)
        def _(j: Any) -> None:
            parts = [_scaled(w, kept[i, j]) for i, w in enumerate(weights)]
            y[0, j] = sum(parts, row[j]).astype(y.dtype)

    @pl.when(made >= 0)
    def _() -> None:
        kept[made] = row[...]


def _kernel_body(*refs: Any, job: Job) -> None:
    steps = Steps(*refs[: len(Steps._fields)])
    *x, g, out, ring = refs[len(steps) :]
    down, along = job.lines
    s = pl.program_id(1)

    @pl.when((pl.program_id(0) == 0) & (s == 0))
    def _() -> None:
        out[...] = jnp.zeros_like(out)

    _load(steps, s, x, ring, along)

    @pl.when(steps.made[s] == TARGET)
    def _() -> None:
        @_for(along.count)
        def _(j: Any) -> None:
            for i in range(down.taps):
                slot, f = (steps.oldest[s] + i) % down.taps, j * along.step
                if job.batch_last:
                    taps = _side_by_side(ring, slot, f, along.taps)
                    out[i] += _dot(taps, g[0, j], (1, 1), job)
                    continue
                for t in range(along.taps):
                    out[i, t] += _dot(ring[slot, f + t], g[0, j], (0, 0), job)


def _load(steps: Steps, s: Any, x: Sequence[Any], ring: Any, along: Line) -> None:
    """Puts the next row into the ring, with the cells around it."""
    slot = steps.slot[s]
    weights = [steps.weight[t, s] for t in range(len(x))]

    @_for(along.size)
    def _(i: Any) -> None:
        parts = [_scaled(w, a[0, i]) for w, a in zip(weights, x, strict=True)]
        cell = sum(parts, steps.constant[s])
        ring[slot, along.start + i * along.pitch] = cell.astype(ring.dtype)

    real = range(along.start, along.start + along.size * along.pitch, along.pitch)
    for v, (terms, constant) in enumerate(along.cells):
        if v in real:
            continue
        cell = jnp.full(ring.shape[2:], constant, jnp.float32)
        for weight, i in terms:
            cell += weight * ring[slot, real[i]].astype(jnp.float32)
        ring[slot, v] = cell.astype(ring.dtype)


def _products(
    ring: Any, slots: Sequence[Any], f: Any, taps: int, kernel: Any, job: Job
) -> list[Array]:
    if job.batch_last:
        sides = [_side_by_side(ring, slot, f, taps) for slot in slots]
        return [_dot(kernel[i], side, (1, 0), job) for i, side in enumerate(sides)]
    return [
        _dot(ring[slot, f + t], kernel[i, t], (1, 0), job)
        for i, slot in enumerate(slots)
        for t in range(taps)
    ]


def _side_by_side(ring: Any, slot: Any, f: Any, taps: int) -> Array:
    """The channels of neighbouring columns as one axis, `[taps in, batch]`."""
    cells = ring[slot, pl.ds(f, taps)]
    return cells.reshape(-1, cells.shape[-1])


def _dot(a: Array, b: Array, axes: tuple[int, int], job: Job) -> Array:
    contracted = (axes[:1], axes[1:]), ((), ())
    return lax.dot_general(
        a,
        b,
        contracted,
        precision=job.precision,
        preferred_element_type=jnp.float32,
    )


def _scaled(weight: Any, cell: Array) -> Array:
    """`weight cell`, and 0 for weight 0 even where the cell is no number."""
    return jnp.where(weight == 0, 0.0, weight * cell.astype(jnp.float32))


def _for(count: int) -> Callable[[Callable[[Any], None]], None]:
    def run(body: Callable[[Any], None]) -> None:
        lax.fori_loop(0, count, lambda i, _: body(i), None)

    return run


def _batch(x: Array, job: Job) -> int:
    return x.shape[3 if job.batch_last else 2]


def _lanes(batch: int) -> int:
    """How much of the batch is in a block: one tile's lanes, or all of it."""
    return 128 if batch % 128 == 0 else batch


def _tile(x: Array, job: Job) -> tuple[int, int]:
    lanes = _lanes(_batch(x, job))
    return (x.shape[2], lanes) if job.batch_last else (lanes, x.shape[3])


def _replaced(
    whole: tuple[int, ...], tile: tuple[int, int], made: tuple[int, int]
) -> tuple[int, ...]:
    """The two tiled axes of the result: the channels change, the batch does not."""
    return tuple(w if t == m else m for w, t, m in zip(whole, tile, made, strict=True))


def _row(shape: tuple[int, ...], row: Callable[[Any, Any], Any], job: Job) -> Any:
    """A block that is one row of one part of the batch."""

    def index(b: Any, s: Any, *steps: Any) -> tuple[Any, ...]:
        at = row(s, Steps(*steps))
        return (at, 0, 0, b) if job.batch_last else (at, 0, b, 0)

    return pl.BlockSpec((1, *shape), index)


def _rows_in(
    steps: Steps, columns: int, tile: tuple[int, int], job: Job
) -> list[Any]:
    def source(t: int) -> Callable[[Any, Any], Any]:
        return lambda s, steps: steps.source[t, s]

    return [_row((columns, *tile), source(t), job) for t in range(len(steps.source))]


def _whole(shape: tuple[int, ...]) -> Any:
    return pl.BlockSpec(shape, lambda *_: (0,) * len(shape))
