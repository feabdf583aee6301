"""Convolution of sequences in rows, each padded at its own borders."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Shaped

from ..conv.arguments import kernel_of, whole
from ..conv.functional import check_operands
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
from .batch import Ragged, known_lengths, one_array
from .borders import Borders, beyond, borders


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
        padding: as in `jaxpad.conv`; modes made by `jaxpad.source` and `jaxpad.affine`,
            which most are, and every reweight.
        amount: one that keeps lengths: "same", "same_lower", "half" for odd kernels,
            "causal", or widths that add up to `dilation (taps - 1)`.

    Returns:
        The batch with values `[rows, capacity, out]`, 0 in empty cells.

    Raises:
        ValueError: for shapes that do not fit together, an amount that changes
            lengths, a mode that is no rule, or a sequence that is too short for it.
            Under `jax.jit`, where lengths are not known, such a sequence gets no
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
    (before, after) = per_axis_modes(padding.mode, 1)[0]
    table = borders(before, after, *axis.widths, batch.capacity)
    _refuse_short(batch, table)
    y, count = jnp.zeros((), sum_dtype(x.dtype)), jnp.zeros((), jnp.int32)
    absent = before is MODES["zero"], after is MODES["zero"]
    for t in range(axis.window):
        shift = t * axis.dilation - axis.widths[0]
        cells, there = _shifted(batch, x, shift, table, axis.widths[0], absent)
        y = y + _tap(cells, kernel[t], groups, precision)
        count = count + there
    y = _finish(y.astype(x.dtype), count, axis.window, padding, bias)
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


def _refuse_short(batch: Ragged, table: Borders) -> None:
    if not table.refused or (lengths := known_lengths(batch)) is None:
        return
    for number, length in enumerate(lengths.tolist()):
        if length in table.refused:
            raise ValueError(
                f"sequence {number} has {length} cells: {table.refused[length]}"
            )


def _shifted(
    batch: Ragged,
    x: Array,
    shift: int,
    table: Borders,
    lo: int,
    absent: tuple[bool, bool],
) -> tuple[Array, Array]:
    """What each cell sees `shift` cells on, and 1 where that is there, else 0."""
    at, length = batch.positions + shift, batch.ends - batch.starts
    inside, cells = (at >= 0) & (at < length), x
    if shift:
        far = max(-batch.capacity, min(shift, batch.capacity))
        pairs = [(0, 0, 0), (-far, far, 0), (0, 0, 0)]
        cells = lax.pad(x, jnp.zeros((), x.dtype), pairs)
    outside = jnp.zeros((), x.dtype)
    if shift and (table.reads() or table.constant.any()):
        last = len(table.constant[0]) - 1
        column = jnp.clip(jnp.where(at < 0, at + lo, lo + at - length), 0, last)
        outside = beyond(batch, x, table, column)
    there = inside | ~jnp.where(at < 0, *absent)
    return jnp.where(inside[..., None], cells, outside), there.astype(jnp.int32)


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
