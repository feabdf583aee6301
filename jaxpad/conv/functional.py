"""Convolution in which the padding is an argument."""

import functools

import jax.numpy as jnp
from jax import lax
from jaxtyping import Bool, Shaped

from ..padding import Padding, as_padding
from ..typing import Amount, AnyArray, Array, Image, Kernel, Mode, PerAxis
from .arguments import kernel_of, whole
from .convolve import convolve
from .geometry import check_image, finish, geometry
from .mask import finish_masked, mask_out
from .strategies import Strategy, strategy_of


def conv(
    x: Image,
    kernel: Kernel,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "zero",
    amount: Amount = "same",
    bias: Shaped[AnyArray, " out"] | None = None,
    mask: Bool[AnyArray, "batch *space one_or_in"] | None = None,
    strategy: str | Strategy = "auto",
    precision: lax.PrecisionLike = None,
) -> Shaped[Array, "batch *out_space out"]:
    """Convolution (cross-correlation, as everywhere in deep learning) of an image.

    `y[o] = r[o] sum_t kernel[t] . pad(x)[o stride + t dilation] + bias`, where `r` is
    1 or partial convolution's ratio. The amount fixes the sampling grid and the mode
    only fills cells, so every mode samples the same grid at every stride.

    Args:
        x: `[batch, *space, in]` with 1, 2 or 3 space axes, floating point.
        kernel: `[*window, in / groups, out]`, of x's dtype.
        stride: cells between windows.
        dilation: cells between taps.
        groups: input channels are split into so many groups, each with its own part
            of the output channels.
        padding: a name in `PADDINGS`, a mode as in `jaxpad.pad`, or a `Padding`.
        amount: cells that are added, unless the padding brings an amount of its own:
            "same", "same_lower", "valid", "full", "half", "causal", an int, `(lo, hi)`
            or one pair per axis.
        bias: `[out]`; the ratio does not touch it.
        mask: `[batch, *space, 1 or in]`, true where the image is real. It implies
            "partial": a masked cell is missing, and so is a padding cell that copies
            one. `jaxpad.propagate_mask` gives the mask of the output.
        strategy: how the padded image comes about, which changes the cost and not
            the result: "auto", "built_in", "explicit", "repad", "strips", "kernel"
            (on TPUs), "halo" or `jaxpad.halo(...)` for an image that is split over
            devices. Under a mesh that splits images (`jaxpad.conv.split_image`) all
            names but "halo" are "built_in".
        precision: as in `jax.lax.conv_general_dilated`.

    Returns:
        `[batch, *out_space, out]`, of x's dtype.

    Raises:
        ValueError: for shapes that do not fit together, a window larger than the
            padded image, or a width that the mode cannot fill.
        TypeError: for an image of whole numbers, or operands of different dtypes.

    Example:
        >>> x = jnp.ones((1, 4, 4, 1))
        >>> kernel = jnp.ones((3, 3, 1, 1))
        >>> conv(x, kernel)[0, 0, :, 0]
        Array([4., 6., 6., 4.], dtype=float32)
        >>> conv(x, kernel, padding="partial")[0, 0, :, 0]
        Array([9., 9., 9., 9.], dtype=float32)

    Partial convolution: "Partial Convolution based Padding", Liu et al., 2018.
    """
    kernel, groups = kernel_of("conv", kernel), whole("groups", groups)
    x = check_image("conv", x, kernel.ndim - 2)
    bias = None if bias is None else jnp.asarray(bias)
    check_operands(x, kernel, bias, groups)
    padding = as_padding(padding)
    amount = amount if padding.amount is None else padding.amount
    window = geometry(x.shape[1:-1], kernel.shape[:-2], stride, dilation, amount)
    count = None
    if mask is not None:
        x, count = mask_out(x, mask, window, padding, groups)
    apply = functools.partial(convolve, groups=groups, precision=precision)
    y = strategy_of(strategy)(x, kernel, window, padding, apply)
    if count is not None:
        return finish_masked(y, count, window, padding, bias)
    return finish(y, window, padding, bias)


def check_operands(x: Array, kernel: Array, bias: Array | None, groups: int) -> None:
    """Raises unless the operands of a convolution fit together."""
    in_features, (per_group, out_features) = x.shape[-1], kernel.shape[-2:]
    if in_features % groups or out_features % groups:
        raise ValueError(
            f"groups={groups} must divide both the {in_features} channels of x and the "
            f"{out_features} of the output."
        )
    if per_group * groups != in_features:
        raise ValueError(
            f"kernel of shape {kernel.shape} takes {per_group} channels per group, but "
            f"x has {in_features} channels in groups={groups}: expected a kernel "
            f"[*window, {in_features // groups}, {out_features}]."
        )
    check_dtypes(x, kernel, bias, out_features)


def check_dtypes(x: Array, kernel: Array, bias: Array | None, features: int) -> None:
    """Raises unless the operands have x's dtype, and the bias one entry a feature."""
    for name, operand in (("kernel", kernel), ("bias", bias)):
        if operand is not None and operand.dtype != x.dtype:
            raise TypeError(
                f"x is {x.dtype} and {name} is {operand.dtype}: cast one of them, for "
                f"example {name}.astype(x.dtype)."
            )
    if bias is not None and bias.shape != (features,):
        raise ValueError(f"bias has shape {bias.shape}; expected ({features},).")
