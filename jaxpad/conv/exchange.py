"""What a device gets from others: its neighbours' cells, or the mode's at a border."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..arith import span
from ..padding import Make, Terms, sum_dtype, sums_of_cells
from ..typing import Array
from .geometry import Axis


class Split(NamedTuple):
    """How one space axis is split over the devices of a mesh axis.

    Attributes:
        name: the mesh axis.
        devices: how many share the space axis.
        cells: cells of each device.
        pitch: cells between the first windows of one device and the next.
        reads: cells from the first to the last that a device's windows read.
        lo: cells of padding before the whole axis.
    """

    name: str
    devices: int
    cells: int
    pitch: int
    reads: int
    lo: int

    def start(self, device: int | Array) -> int | Array:
        """The first cell that a device's windows read, counted from its own first."""
        return device * (self.pitch - self.cells) - self.lo

    @property
    def before(self) -> int:
        """Cells that some device needs before its own."""
        return max(0, *(-int(self.start(d)) for d in (0, self.devices - 1)))

    @property
    def after(self) -> int:
        """Cells that some device needs after its own."""
        ends = (int(self.start(d)) + self.reads for d in (0, self.devices - 1))
        return max(0, *(end - self.cells for end in ends))

    @property
    def beyond(self) -> int:
        """Cells that the last device's windows read after the whole axis."""
        return max(0, int(self.start(self.devices - 1)) + self.reads - self.cells)


def split_of(axis: Axis, name: str, devices: int) -> Split | None:
    """How the devices of a mesh axis share a space axis; None if not evenly."""
    if axis.space % devices or axis.outputs % devices:
        return None
    cells, pitch = axis.space // devices, axis.outputs // devices * axis.stride
    reads = pitch - axis.stride + span(axis.window, axis.dilation)
    return Split(name, devices, cells, pitch, reads, axis.widths[0])


def exchange(split: Split, side: int, sums: Sequence[Terms]) -> Make:
    """What makes the cells next to a device's own on one side.

    Args:
        split: how the axis is split.
        side: 0 before the device's own cells, 1 after.
        sums: the padding cells at the image's border, in terms of its cells.
    """
    width, last = (split.before, split.after)[side], split.devices - 1
    step, edge, far = ((1, 0, last), (-1, last, 0))[side]
    owners = {i // split.cells for terms, _ in sums for _, i in terms}

    def received(x: Array, axis: int, _: range) -> list[Array]:
        here = lax.axis_index(split.name)
        start = (split.cells - width, 0)[side]
        sent = lax.slice_in_dim(x, start, start + width, axis=axis)
        pairs = [(d, d + step) for d in range(last + 1) if 0 <= d + step <= last]
        if owners == {far} and far != edge:
            # The far device has no neighbour to send to: with it the line is a ring.
            cells = _fitted(_made(x, axis, split, sums, far), axis, width, side)
            sent = jnp.where(here == far, cells, sent)
            return [lax.ppermute(sent, split.name, [*pairs, (far, edge)])]
        arrived = lax.ppermute(sent, split.name, pairs)
        if not owners and all(constant == 0 for _, constant in sums):
            return [arrived]  # zeros where nothing was sent
        if owners <= {edge}:
            cells = _made(x, axis, split, sums, edge)
        else:
            cells = _summed(x, axis, split, sums)
        return [jnp.where(here == edge, _fitted(cells, axis, width, side), arrived)]

    return received


def _made(
    x: Array, axis: int, split: Split, sums: Sequence[Terms], device: int
) -> Array:
    """The border's cells from a device's own; right on that device alone."""
    first = device * split.cells
    own = [([(w, i - first) for w, i in terms], constant) for terms, constant in sums]
    return lax.concatenate(sums_of_cells(x, axis, own), axis)


def _summed(x: Array, axis: int, split: Split, sums: Sequence[Terms]) -> Array:
    """The border's cells where several devices have a part in them."""
    weights = np.zeros((len(sums), split.devices * split.cells))
    for row, (terms, _constant) in enumerate(sums):
        for weight, i in terms:
            weights[row, i] += weight
    first, dtype = lax.axis_index(split.name) * split.cells, sum_dtype(x.dtype)
    own = lax.dynamic_slice_in_dim(jnp.asarray(weights, dtype), first, split.cells, 1)
    highest = lax.Precision.HIGHEST
    part = jnp.tensordot(own, x.astype(dtype), (1, axis), precision=highest)
    constants = jnp.asarray([constant for _, constant in sums], dtype)
    total = lax.psum(part, split.name) + jnp.expand_dims(constants, range(1, x.ndim))
    return jnp.moveaxis(total, 0, axis).astype(x.dtype)


def _fitted(cells: Array, axis: int, width: int, side: int) -> Array:
    """As many cells as the others send; the image's border comes next to the image."""
    spare = width - cells.shape[axis]
    widths = [(0, 0, 0)] * cells.ndim
    widths[axis] = (spare, 0, 0) if side == 0 else (0, spare, 0)
    return lax.pad(cells, jnp.zeros((), cells.dtype), widths)
