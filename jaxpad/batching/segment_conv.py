"""Convolution of sequences in rows, each padded at its own borders."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Shaped

from ..conv.arguments import kernel_of, whole
from ..conv.functional import check_operands, conv
from ..conv.geometry import Axis, check_image, geometry
from ..padding import (
    MODES,
    Padding,
    as_padding,
    per_axis_modes,
    reweight_ratio,
    sum_dtype,
)
from ..typing import Amount, AnyArray, Array, Kernel, Mode
from .batch import Ragged, one_array
from .segment_modes import beyond, cells_before, check_modes, has_form, moves


def segment_conv(
    batch: Ragged,
    kernel: Kernel,
    *,
    dilation: int = 1,
    groups: int = 1,
    padding: Mode | Padding = "zero",
    amount: Amount = "same",
    bias: Shaped[AnyArray, " out"] | None = None,
    precision: lax.PrecisionLike = None,
) -> Ragged:
    """`jaxpad.conv` of each sequence alone, computed on the rows as they are.

    `y[p] = r[p] sum_t kernel[t] . pad(s)[p + t dilation] + bias` for the cells p of
    each sequence s. Windows never reach into a neighbour: where one would, the mode
    says what is there.

    Args:
        batch: values `[rows, capacity, in]`, floating point.
        kernel: `[taps, in / groups, out]`, of their dtype.
        dilation, groups, bias, precision: as in `jaxpad.conv`.
        padding: as in `jaxpad.conv`: modes of one axis, and every reweight. Where
            lengths are not known, under `jax.jit`, a mode is a rule (`jaxpad.source`,
            `jaxpad.affine`) or has a form in `SEGMENT_MODES`, as all in `jaxpad.MODES`.
        amount: one that keeps lengths: "same", "same_lower", "half" for odd kernels,
            "causal", or widths that add up to `dilation (taps - 1)`.

    Returns:
        The batch with values `[rows, capacity, out]`, 0 in empty cells.

    Raises:
        ValueError: for shapes that do not fit together, an amount that changes
            lengths, a mode of several axes or without a form, or a sequence that is
            too short for it. Where lengths are not known, such a sequence gets no
            numbers (NaN) near its border.
        TypeError: as `jaxpad.conv`.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[[1.0], [2.0], [4.0]], [[8.0], [16.0]]], capacity=6)
        >>> sums = segment_conv(batch, jnp.ones((3, 1, 1)), padding="replicate")
        >>> sums.values[0, :, 0]
        Array([ 4.,  7., 10., 32., 40.,  0.], dtype=float32)
    """
    kernel, groups = kernel_of("segment_conv", kernel), whole("groups", groups)
    x = check_image("segment_conv", one_array("segment_conv", batch), kernel.ndim - 2)
    bias = None if bias is None else jnp.asarray(bias)
    check_operands(x, kernel, bias, groups)
    padding = as_padding(padding)
    amount = amount if padding.amount is None else padding.amount
    axis = _axis(batch.capacity, kernel.shape[0], dilation, amount)
    (modes,) = per_axis_modes(padding.mode, 1)
    check_modes(batch, x, modes, axis.widths)
    if all(map(has_form, modes)):
        y = jnp.zeros((), sum_dtype(x.dtype))
        for t, cells in enumerate(_taps(batch, x, modes, axis)):
            y = y + _tap(cells, kernel[t], groups, precision)
        count = _count(batch, modes, axis)
        y = _finish(y.astype(x.dtype), count, axis.window, padding, bias)
    else:
        alone = functools.partial(
            conv,
            kernel=kernel,
            dilation=dilation,
            groups=groups,
            padding=Padding(padding.mode, axis.widths, padding.reweight),
            bias=bias,
            precision=precision,
        )
        y = _by_length(batch, x, alone, kernel.shape[-1])
    return batch.replace(jnp.where(batch.real[..., None], y, 0))


def _axis(capacity: int, taps: int, dilation: int, amount: Amount) -> Axis:
    """The window, if a sequence keeps its length under it."""
    # At stride 1 widths do not depend on the number of cells.
    reach = (taps - 1) * whole("dilation", dilation)
    (axis,) = geometry((capacity + reach,), (taps,), 1, dilation, amount).axes()
    if sum(axis.widths) != reach:
        raise ValueError(
            f"amount={amount!r} adds {sum(axis.widths)} cells, but a sequence keeps "
            f'its length only with {reach}: write amount="same" or "causal", or '
            "convolve the padded view and mask what is too short."
        )
    return axis


def _taps(batch: Ragged, x: Array, modes: Any, axis: Axis) -> Iterator[Array]:
    """What each cell sees at each tap of its window."""
    shifts = range(0, axis.window * axis.dilation, axis.dilation)
    if moves(modes[0]):
        before = cells_before(modes[0], axis.widths, x.shape[-1])
        yield from (_moved(batch, x, shift - before) for shift in shifts)
        return
    outside, (lo, _) = beyond(batch, x, modes, axis.widths), axis.widths
    for shift in shifts:
        yield _shifted(batch, x, shift - lo, axis.widths, outside)


def _shifted(
    batch: Ragged,
    x: Array,
    shift: int,
    widths: tuple[int, int],
    outside: Callable[[Array], Array],
) -> Array:
    """What each cell sees `shift` cells on."""
    lo, hi = widths
    at, length = batch.positions + shift, batch.ends - batch.starts
    inside = ((at >= 0) & (at < length))[..., None]
    if not shift:
        return jnp.where(inside, x, 0)
    far = max(-batch.capacity, min(shift, batch.capacity))
    cells = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (-far, far, 0), (0, 0, 0)])
    column = jnp.clip(jnp.where(at < 0, at + lo, lo + at - length), 0, lo + hi - 1)
    other = jnp.where(batch.real[..., None], outside(column), 0)
    return jnp.where(inside, cells, other)


def _moved(batch: Ragged, x: Array, shift: Array) -> Array:
    """What each cell sees `shift[channel]` cells on, with zeros beyond the borders."""
    at = batch.positions[..., None] + shift[None, None]
    inside = (at >= 0) & (at < (batch.ends - batch.starts)[..., None])
    cell = jnp.where(inside, batch.starts[..., None] + at, 0)
    return jnp.where(inside, jnp.take_along_axis(x, cell, 1), 0)


def _count(batch: Ragged, modes: Any, axis: Axis) -> Array:
    """How many taps of each window are there; those on mode zero are not."""
    before, after = (mode is not MODES["zero"] for mode in modes)
    count, length = jnp.zeros((), jnp.int32), batch.ends - batch.starts
    for t in range(axis.window):
        at = batch.positions + (t * axis.dilation - axis.widths[0])
        there = jnp.where(at < 0, before, (at < length) | after)
        count = count + there.astype(jnp.int32)
    return count


def _by_length(
    batch: Ragged, x: Array, alone: Callable[[Array], Array], features: int
) -> Array:
    """Convolves the sequences of each length alone: for modes that are any function."""
    numbers, begin = np.unique(np.asarray(batch.numbers), return_index=True)
    lengths = np.bincount(np.asarray(batch.numbers).ravel())[numbers]
    y = jnp.zeros((batch.numbers.size, features), x.dtype)
    begin, lengths = (a[numbers < batch.sequences] for a in (begin, lengths))
    for n in np.unique(lengths).tolist():
        cells = begin[lengths == n][:, None] + np.arange(n)
        y = y.at[cells].set(alone(x.reshape(-1, x.shape[-1])[cells]))
    return y.reshape(*batch.numbers.shape, features)


def _tap(x: Array, kernel: Array, groups: int, precision: lax.PrecisionLike) -> Array:
    rows, cells, _ = x.shape
    per_group, out = kernel.shape
    y = jnp.einsum(
        "rcgi,igo->rcgo",
        x.reshape(rows, cells, groups, per_group),
        kernel.reshape(per_group, groups, out // groups),
        precision=precision,
        preferred_element_type=sum_dtype(x.dtype),
    )
    return y.reshape(rows, cells, out)


def _finish(
    y: Array, count: Array, window: int, padding: Padding, bias: Array | None
) -> Array:
    """Partial convolution's ratio, by how many taps are there, and the bias."""
    if padding.reweight is None:
        return y if bias is None else y + bias[None, None]
    ratios = reweight_ratio([range(window + 1)], (window,), padding.reweight)
    ratio = jnp.asarray(ratios, sum_dtype(y.dtype))[count][..., None]
    y = (y.astype(ratio.dtype) * ratio).astype(y.dtype)
    if bias is not None:
        y = y + jnp.where(ratio != 0, bias[None, None], 0)
    return y
