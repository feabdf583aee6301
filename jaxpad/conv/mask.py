"""Masks: images of which some cells are missing, through partial convolution.

A missing cell counts like one beyond the border: the window's sum leaves it out, and
the ratio makes up for it ("Image Inpainting for Irregular Holes Using Partial
Convolutions", Liu et al., 2018). A padding cell is there if the cell that it copies
is; under "zero" it never is, under "constant" always.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Bool

from ..padding import (
    MODES,
    REWEIGHTS,
    Padding,
    Terms,
    affine,
    as_padding,
    mode_name,
    per_axis_modes,
    rule_of,
    sum_dtype,
)
from ..typing import Amount, AnyArray, Array, Mode, PerAxis
from .arguments import window_of
from .geometry import Geometry, geometry
from .shards import Widths, windowed


def propagate_mask(
    mask: Bool[AnyArray, "batch *space channels"],
    window: Sequence[int],
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    padding: Mode | Padding = "zero",
    amount: Amount = "same",
) -> Bool[Array, "batch *out_space channels"]:
    """Which outputs of a convolution or a pool saw a cell: the next layer's mask.

    `m'[o] = any_t pad(m)[o stride + t dilation]`, each channel by itself, as a pool
    sees them. A convolution mixes the channels of its input: with a mask per channel
    give it `mask.any(-1, keepdims=True)`.

    Args:
        mask: `[batch, *space, channels]`, true where the image is real.
        window: taps of the window along each space axis.
        stride, dilation, padding, amount: the layer's own; as in `jaxpad.conv`.

    Returns:
        `[batch, *out_space, channels]`.

    Raises:
        ValueError: as `jaxpad.conv`.

    Example:
        >>> mask = jnp.arange(8)[None, :, None] < 3
        >>> propagate_mask(mask, (3,), stride=2)[0, :, 0]
        Array([ True,  True, False, False], dtype=bool)

    "Image Inpainting for Irregular Holes Using Partial Convolutions", Liu et al.,
    2018.
    """
    window = window_of("window", window)
    mask, padding = jnp.asarray(mask), as_padding(padding)
    amount = amount if padding.amount is None else padding.amount
    if mask.ndim != len(window) + 2:
        raise ValueError(
            f"mask has shape {mask.shape}, but a window of {len(window)} axes takes "
            "[batch, *space, channels]."
        )
    if mask.dtype != bool:
        raise ValueError(
            f"mask has dtype {mask.dtype}, but booleans were expected, true where the "
            "image is real: write mask > 0, or what else says it."
        )
    geo = geometry(mask.shape[1:-1], window, stride, dilation, amount)
    return _taps_there(mask.astype(jnp.float32), geo, padding) > 0


def mask_out(
    x: Array,
    mask: AnyArray,
    window: Geometry,
    padding: Padding,
    groups: int,
    *,
    hole: float = 0.0,
) -> tuple[Array, Array]:
    """The image without what is missing, and how much each output sees.

    Args:
        x: `[batch, *space, in]`.
        mask: `[batch, *space, 1 or in]`, boolean.
        window: the operation's geometry.
        padding: its mode says whether a padding cell is there.
        groups: of the channels.
        hole: what stands where the image is missing.

    Returns:
        The image, and the taps on cells that are there, a mean over the channels
        that the output sees: `[batch, *out, 1 or groups]`.
    """
    mask = jnp.asarray(mask)
    fits = mask.shape in ((*x.shape[:-1], 1), x.shape)
    if not fits or mask.dtype != bool:
        raise ValueError(
            f"mask is {mask.dtype}{list(mask.shape)}, but x has shape {x.shape}: "
            f"expected booleans {[*x.shape[:-1], 1]} or {list(x.shape)}, true where "
            "the image is real, for example mask=~jnp.isnan(x)."
        )
    there = mask.astype(sum_dtype(jnp.finfo(x.dtype).dtype))
    groups = groups if mask.shape[-1] > 1 else 1
    channels = mask.shape[-1] // groups
    there = there.reshape(*mask.shape[:-1], groups, channels)
    count = _taps_there(there.sum(-1), window, padding, channels)
    return jnp.where(mask, x, jnp.asarray(hole, x.dtype)), _divided(count, channels)


def _divided(count: Array, channels: int) -> Array:
    """`count / channels`, exactly where that is whole, as it is inside the image.

    XLA would multiply by the inverse, and 9 * 41 cells of 41 channels be no 9.
    """
    whole, rest = jnp.divmod(count.astype(jnp.int32), channels)
    return whole.astype(count.dtype) + rest.astype(count.dtype) / channels


def finish_masked(
    y: Array, count: Array, window: Geometry, padding: Padding, bias: Array | None
) -> Array:
    """`y * reweight(count) + bias`, and 0 where the count is 0, bias included."""
    function = REWEIGHTS.resolve(padding.reweight or "partial")
    there = count > 0
    ratio = function(jnp.where(there, count, 1), math.prod(window.window))
    ratio, there = (_to_features(a, y.shape[-1]) for a in (ratio, there))
    # In float16 the ratio of a window with one channel of one cell may overflow.
    wide = sum_dtype(y.dtype)
    y = (y.astype(wide) * ratio.astype(wide)).astype(y.dtype)
    y = y if bias is None else y + jnp.expand_dims(bias, range(y.ndim - 1))
    return jnp.where(there, y, jnp.zeros((), y.dtype))


def _to_features(per_group: Array, features: int) -> Array:
    """One entry per group as one per output channel; one for all stays one."""
    groups = per_group.shape[-1]
    return per_group if groups == 1 else jnp.repeat(per_group, features // groups, -1)


def _taps_there(
    mask: Array, window: Geometry, padding: Padding, whole: int = 1
) -> Array:
    """The sum of the mask over each window; a cell that is wholly there has `whole`."""
    modes = per_axis_modes(padding.mode, len(window.window))
    there = tuple((_there(lo, whole), _there(hi, whole)) for lo, hi in modes)

    def total(mask: Array, zeros: Widths) -> Array:
        return lax.reduce_window(
            mask,
            0.0,
            lax.add,
            (1, *window.window, 1),
            (1, *window.stride, 1),
            padding=((0, 0), *zeros, (0, 0)),
            window_dilation=(1, *window.dilation, 1),
        )

    return windowed(total, mask, window=window, padding=Padding(there))


@functools.cache
def _there(mode: Any, whole: int) -> Any:
    """The mode that fills a mask: `whole` in each padding cell that is there."""
    rule = rule_of(mode)
    if rule is MODES["zero"] or (rule is not None and rule.copies):
        return mode
    options = getattr(mode, "keywords", {})

    def there(i: int, n: int) -> Terms:
        terms, constant = ([], 0) if rule is None else rule.terms(i, n, **options)
        if rule is None or len(terms) > 1 or (terms and constant):
            raise ValueError(
                f"padding mode {mode_name(mode)} makes a cell of several, or not "
                "by a rule, so that a mask cannot say whether it is there. With a mask "
                'use a mode that copies cells, such as "reflect", or "zero" or '
                '"constant".'
            )
        return [(1, index) for _, index in terms], 0 if terms else whole

    return affine(there)
