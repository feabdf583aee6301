"""Resize-convolution: enlarge the image, then convolve."""

from typing import Any, Literal

import jax.numpy as jnp
from jax import lax
from jaxtyping import Bool, Shaped

from ..padding import MODES, Padding, as_padding, per_axis_modes
from ..typing import Amount, AnyArray, Array, Image, Kernel, Mode, PerAxis
from .arguments import kernel_of
from .functional import conv
from .geometry import check_image, geometry, per_axis, tap
from .shards import Widths, split_image, windowed


def resize_conv(
    x: Image,
    kernel: Kernel,
    *,
    scale: PerAxis = 2,
    method: Literal["nearest", "bilinear"] = "nearest",
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "zero",
    amount: Amount = "same",
    bias: Shaped[AnyArray, " out"] | None = None,
    mask: Bool[AnyArray, "batch *space one_or_in"] | None = None,
    precision: lax.PrecisionLike = None,
) -> Shaped[Array, "batch *out_space out"]:
    """`jaxpad.conv` of the image enlarged by `scale`, both with the same padding.

    Every output sees as many taps as its neighbours, unlike in a transposed
    convolution whose stride does not divide the window: no checkerboard.

    Args:
        x: `[batch, *space, in]` with 1, 2 or 3 space axes, floating point.
        kernel: `[*window, in / groups, out]`, of x's dtype.
        scale: output cells for each cell.
        method: "nearest" repeats each cell; "bilinear" interpolates along each axis
            between cell centers, and beyond the outermost center towards the padding
            cell that the mode puts there. Under "zero" that fades the edge; where
            absent cells do not count ("partial"), and under "replicate", the edge is
            `jax.image.resize`'s.
        dilation, groups, padding, amount, bias, precision: as in `jaxpad.conv`.
        mask: `[batch, *space, 1 or in]`, as in `jaxpad.conv`; enlarged with x, by
            "nearest" only.

    Returns:
        `[batch, *out_space, out]`, of x's dtype; with "same" `scale` times x's size.

    Raises:
        ValueError, TypeError: as `jaxpad.conv`; for an unknown method, or a mask under
            "bilinear".

    Example:
        >>> x = jnp.array([0.0, 4.0])[None, :, None]
        >>> one = jnp.ones((1, 1, 1))
        >>> resize_conv(x, one)[0, :, 0]
        Array([0., 0., 4., 4.], dtype=float32)
        >>> resize_conv(x, one, method="bilinear", padding="circular")[0, :, 0]
        Array([1., 1., 3., 3.], dtype=float32)

    "Deconvolution and Checkerboard Artifacts", Odena et al., 2016.
    """
    kernel = kernel_of("resize_conv", kernel)
    rank = kernel.ndim - 2
    x, padding = check_image("resize_conv", x, rank), as_padding(padding)
    scales = per_axis("scale", scale, rank)
    match method:
        case "nearest":
            x = _repeat(x, scales)
            mask = None if mask is None else _repeat(jnp.asarray(mask), scales)
        case "bilinear" if mask is not None:
            raise ValueError(
                'resize_conv: a mask needs method="nearest"; "bilinear" would mix '
                "cells that are there with cells that are not."
            )
        case "bilinear":
            x = _interpolate(x, scales, padding)
        case _:
            raise ValueError(
                f'method={method!r}: expected "nearest" or "bilinear", which '
                "interpolates along 1, 2 or 3 axes alike."
            )
    return conv(
        x,
        kernel,
        dilation=dilation,
        groups=groups,
        padding=padding,
        amount=amount,
        bias=bias,
        mask=mask,
        precision=precision,
    )


def _repeat(x: Array, scales: tuple[int, ...]) -> Array:
    for axis, scale in enumerate(scales, 1):
        x = jnp.repeat(x, scale, axis)
    return split_image(x)


def _interleave(phases: list[Array], axis: int) -> Array:
    """Cell 0 of each array, then cell 1 of each, and so on."""
    stacked = jnp.stack(phases, axis + 1)
    shape = list(phases[0].shape)
    shape[axis] *= len(phases)
    return stacked.reshape(shape)


def _interpolate(x: Array, scales: tuple[int, ...], padding: Padding) -> Array:
    """Each cell and its two neighbours make `scale` cells."""
    windows = [3 if scale > 1 else 1 for scale in scales]
    window = geometry(x.shape[1:-1], windows, 1, 1, "same")

    def enlarged(x: Array, _: Widths) -> Array:
        for axis, scale in enumerate(scales, 1):
            if scale > 1:
                x = _interleave([_phase(x, axis, p, scale) for p in range(scale)], axis)
        return x

    mode = Padding(_beyond(padding, len(scales)))
    return windowed(enlarged, x, window=window, padding=mode, everywhere=True)


def _phase(x: Array, axis: int, phase: int, scale: int) -> Array:
    """The `phase`-th of the cells that each cell of a padded axis becomes."""
    offset = (phase + 0.5) / scale - 0.5  # from the cell's center, in cells
    other = 2 if offset > 0 else 0
    n = x.shape[axis] - 2
    here, there = (tap(x, axis, start, 1, n) for start in (1, other))
    return (1 - abs(offset)) * here + abs(offset) * there


def _beyond(padding: Padding, rank: int) -> Any:
    """The mode; the outermost cell stands for absent ones that do not count.

    Of the two cells between which an output lies, one is then there: its weight
    makes up the whole.
    """
    if padding.reweight is None:
        return padding.mode
    edge, zero = MODES["replicate"], MODES["zero"]
    modes = per_axis_modes(padding.mode, rank)
    return tuple(tuple(edge if m is zero else m for m in pair) for pair in modes)
