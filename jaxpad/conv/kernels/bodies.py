"""What the kernels do at each step, in VMEM.

Rows and columns are the leading axes of every array, and the other two fill the tiles:
`[rows, columns, batch, channels]`, or channels before batch where there are few
channels. So a cell is a whole number of tiles, padding copies tiles, and nothing moves
inside one.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl

from ...typing import Array
from .schedule import NOTHING, TARGET, Line, Makes, Reads


class Job(NamedTuple):
    """What a kernel is to do.

    Attributes:
        down: the convolution along the rows.
        along: the convolution along the columns.
        batch_last: whether the batch fills the lanes of a tile, else the channels do.
        precision: of the products.
        interpret: whether Pallas is to emulate the kernel.
    """

    down: Line
    along: Line
    batch_last: bool
    precision: Any
    interpret: bool


def load(reads: Reads, x: Sequence[Any], ring: Any, along: Line) -> None:
    """Puts the next row into the ring, with the cells around it."""
    s = pl.program_id(1)
    slot, constant = reads.slot[s], reads.constant[s]
    weights = [reads.weight[t, s] for t in range(len(x))]

    @_for(along.size)
    def _(i: Any) -> None:
        parts = [_scaled(w, a[0, i]) for w, a in zip(weights, x, strict=True)]
        cell = constant + sum(parts[1:], parts[0])
        ring[slot, along.start + i * along.pitch] = cell.astype(ring.dtype)

    real = range(along.start, along.start + along.size * along.pitch, along.pitch)
    for v, (terms, constant) in enumerate(along.cells):
        if v not in real:
            cell = jnp.full(ring.shape[2:], constant, jnp.float32)
            for weight, i in terms:
                cell += weight * ring[slot, real[i]].astype(jnp.float32)
            ring[slot, v] = cell.astype(ring.dtype)


def make(makes: Makes, slots: Sequence[Any], refs: Sequence[Any], job: Job) -> None:
    """Convolves the rows that are held, and writes the output's row or keeps it.

    Args:
        makes: what is made when.
        slots: the places in the ring of the rows under the taps.
        refs: the ring, the kernel, the output, the full row and those that are kept.
        job: the convolution.
    """
    ring, kernel, y, row, kept = refs
    s, along = pl.program_id(1), job.along
    made = makes.made[s]

    def full(f: Any) -> Array:
        if job.batch_last:
            return _dot(kernel[...], _patch(ring, slots, f, along.taps), (1, 0), job)
        products = [
            _dot(ring[slot, f + t], kernel[i, t], (1, 0), job)
            for i, slot in enumerate(slots)
            for t in range(along.taps)
        ]
        return sum(products[1:], products[0])

    @pl.when(made != NOTHING)
    def _() -> None:
        @_for(along.outputs)
        def _(j: Any) -> None:
            row[j] = full(along.first + j * along.step)

        for j, weight, f in along.extra:
            row[j] += weight * full(f)

    @pl.when(made == TARGET)
    def _() -> None:
        weights = [makes.extra[i, s] for i in range(len(kept))]

        @_for(along.outputs)
        def _(j: Any) -> None:
            folded = [_scaled(w, kept[i, j]) for i, w in enumerate(weights)]
            y[0, j] = sum(folded, row[j]).astype(y.dtype)

    @pl.when(made >= 0)
    def _() -> None:
        kept[made] = row[...]


def correlate(slots: Sequence[Any], refs: Sequence[Any], job: Job) -> None:
    """Adds what a row of the output's gradient gives to the kernel's.

    Args:
        slots: the places in the ring of the image's rows under the taps.
        refs: the ring, the row of the gradient and the kernel's gradient.
        job: the convolution.
    """
    ring, g, out = refs
    taps = job.along.taps

    @_for(job.along.outputs)
    def _(j: Any) -> None:
        f = j * job.along.step
        if job.batch_last:
            out[...] += _dot(_patch(ring, slots, f, taps), g[0, j], (1, 1), job)
            return
        for i, slot in enumerate(slots):
            for t in range(taps):
                out[i, t] += _dot(ring[slot, f + t], g[0, j], (0, 0), job)


def held(reads: Reads, taps: int) -> list[Any]:
    """The places in the ring of the last rows that were read, the oldest first."""
    newest = reads.slot[pl.program_id(1)]
    return [(newest + 1 + i) % taps for i in range(taps)]


def _patch(ring: Any, slots: Sequence[Any], f: Any, taps: int) -> Array:
    """All cells under the taps as one axis, `[window in, batch]`: one product."""
    rows = [ring[slot, pl.ds(f, taps)] for slot in slots]
    return jnp.concatenate([row.reshape(-1, row.shape[-1]) for row in rows])


def _dot(a: Array, b: Array, axes: tuple[int, int], job: Job) -> Array:
    return lax.dot_general(
        a,
        b,
        ((axes[:1], axes[1:]), ((), ())),
        precision=job.precision,
        preferred_element_type=jnp.float32,
    )


def _scaled(weight: Any, cell: Array) -> Array:
    """`weight cell`, and 0 for weight 0 even where the cell is no number."""
    return jnp.where(weight == 0, 0.0, weight * cell.astype(jnp.float32))


def _for(count: int) -> Callable[[Callable[[Any], None]], None]:
    return lambda body: lax.fori_loop(0, count, lambda i, _: body(i), None)
