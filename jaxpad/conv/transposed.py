"""Transposed convolution: the adjoint of `jaxpad.conv`, border included."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Shaped

from ..arith import transposed_output_size
from ..padding import (
    Padding,
    as_padding,
    mode_name,
    pad,
    per_axis_amounts,
    per_axis_modes,
    rule_of,
)
from ..typing import Amount, AnyArray, Array, Image, Mode, PerAxis
from .arguments import kernel_of, whole
from .convolve import convolve
from .functional import check_dtypes
from .geometry import Geometry, check_image, fill, finish, geometry, per_axis
from .strategies import built_in


def conv_transpose(
    x: Image,
    kernel: Shaped[AnyArray, "*window in out_per_group"],
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "zero",
    amount: Amount = "same",
    output_padding: PerAxis = 0,
    bias: Shaped[AnyArray, " out"] | None = None,
    precision: lax.PrecisionLike = None,
) -> Shaped[Array, "batch *out_space out"]:
    """The adjoint of `jaxpad.conv` with the same arguments; it enlarges by the stride.

    `<conv(y), x> = <y, conv_transpose(x)>` for all `x` and `y`, where conv's kernel
    has the last two axes swapped. So what lands beyond the output's border is added
    where the mode took it from: circular wraps, replicate piles it on the edge. Of
    an affine mode (constant) it is the linear part's adjoint. Under "partial" the
    ratio belongs to `conv`, so it multiplies `x` here.

    Args:
        x: `[batch, *space, in]` with 1, 2 or 3 space axes, floating point.
        kernel: `[*window, in, out / groups]`, of x's dtype.
        stride: output cells from one input cell to the next.
        dilation: cells between taps.
        groups: channels are split into so many groups, each with its own part of
            the kernel.
        padding: as in `jaxpad.conv`; the mode must be linear, and fill the output.
        amount: as in `jaxpad.conv`: what conv adds around this function's output.
        output_padding: cells added after, less than the stride; 0 with "same".
        bias: `[out]`.
        precision: as in `jax.lax.conv_general_dilated`.

    Returns:
        `[batch, *out_space, out]`, of x's dtype: the smallest input from which `conv`
        makes x's size, plus output_padding; with "same" `stride` times x's size.

    Raises:
        ValueError: for shapes that do not fit together, a mode that is not linear, or
            one that cannot fill the widths around the output.
        TypeError: for an image of whole numbers, or operands of different dtypes.

    Example:
        >>> x = jnp.ones((1, 4, 1))
        >>> kernel = jnp.ones((3, 1, 1))
        >>> conv_transpose(x, kernel)[0, :, 0]
        Array([2., 3., 3., 2.], dtype=float32)
        >>> conv_transpose(x, kernel, padding="replicate")[0, :, 0]
        Array([3., 3., 3., 3.], dtype=float32)
        >>> conv_transpose(x, kernel, stride=2, padding="circular").shape
        (1, 8, 1)

    "A guide to convolution arithmetic for deep learning", Dumoulin and Visin, 2016,
    derives the sizes.
    """
    kernel, groups = kernel_of("conv_transpose", kernel), whole("groups", groups)
    x = check_image("conv_transpose", x, kernel.ndim - 2)
    bias = None if bias is None else jnp.asarray(bias)
    _check_channels(x, kernel, groups)
    features = kernel.shape[-1] * groups
    check_dtypes(x, kernel, bias, features)
    padding = as_padding(padding)
    amount = amount if padding.amount is None else padding.amount
    window = _geometry(x, kernel, stride, dilation, amount, output_padding)
    image = jax.ShapeDtypeStruct((x.shape[0], *window.space, features), x.dtype)
    _check_mode(image, window, padding)

    def forward(image: Array) -> Array:
        apply = functools.partial(convolve, groups=groups, precision=precision)
        y = built_in(image, jnp.swapaxes(kernel, -1, -2), window, padding, apply)
        return finish(y, window, padding, None)

    (y,) = jax.linear_transpose(forward, image)(x)
    return y if bias is None else y + jnp.expand_dims(bias, range(y.ndim - 1))


def _geometry(
    x: Array,
    kernel: Array,
    stride: PerAxis,
    dilation: PerAxis,
    amount: Amount,
    output_padding: PerAxis,
) -> Geometry:
    """The window of the convolution that is transposed, over this one's output."""
    taps = kernel.shape[:-2]
    rank = len(taps)
    space = map(
        transposed_output_size,
        x.shape[1:-1],
        taps,
        per_axis("stride", stride, rank),
        per_axis_amounts(amount, rank),
        per_axis("output_padding", output_padding, rank, least=0),
        per_axis("dilation", dilation, rank),
    )
    return geometry(tuple(space), taps, stride, dilation, amount)


def _check_mode(image: Any, window: Geometry, padding: Padding) -> None:
    """Raises unless the mode fills the output's border, and linearly."""
    filled = functools.partial(_padded, window=window, padding=padding)
    try:
        padded = jax.eval_shape(filled, image)
    except ValueError as e:
        raise ValueError(
            f"conv_transpose: the mode fills cells around the output, which here has "
            f"{window.space} cells. {e}"
        ) from e
    if not _has_rules(padding.mode, len(window.window)):
        _check_adjoint(filled, image, padded, padding.mode)


def check_linear(mode: Mode, rank: int, name: str = "conv_transpose") -> None:
    """Raises for a mode that is seen not to be linear before there is an image.

    It is tried on an image of 12 cells along each of `rank` axes. A mode that does not
    take that one is met by `conv_transpose`, which tries it on its own.

    Raises:
        ValueError: if the mode has no adjoint.
    """

    def padded(image: Array) -> Array:
        return pad(image, 1, mode, axes=range(1, 1 + rank))

    if _has_rules(mode, rank):
        return
    image = jax.ShapeDtypeStruct((1, *(12,) * rank, 1), jnp.float32)
    try:  # only traced: whatever it raises, conv_transpose will
        found = jax.eval_shape(padded, image)
    except Exception:
        return
    _check_adjoint(padded, image, found, mode, name)


def _has_rules(mode: Mode, rank: int) -> bool:
    modes = per_axis_modes(mode, rank)
    return all(rule_of(mode) is not None for pair in modes for mode in pair)


def _check_adjoint(
    padded: Callable[[Array], Array],
    image: Any,
    found: Any,
    mode: Mode,
    name: str = "conv_transpose",
) -> None:
    try:  # only traced: whatever it raises, the mode has no transpose
        jax.eval_shape(lambda y: jax.linear_transpose(padded, image)(y), found)
    except Exception as e:
        raise ValueError(
            f"{name}: padding mode {mode_name(mode)} is not linear in the image, so "
            "the convolution with it has no adjoint. Use a linear mode, such as "
            '"reflect" or "replicate".'
        ) from e


def _padded(image: Array, window: Geometry, padding: Padding) -> Array:
    return fill(image, window, padding)[0]


def _check_channels(x: Array, kernel: Array, groups: int) -> None:
    features = x.shape[-1]
    if features % groups:
        raise ValueError(f"groups={groups} must divide the {features} channels of x.")
    if kernel.shape[-2] != features:
        raise ValueError(
            f"kernel of shape {kernel.shape} takes {kernel.shape[-2]} channels, but x "
            f"has {features}: expected a kernel [*window, {features}, out / groups]; "
            "jnp.swapaxes(kernel, -1, -2) makes one from the kernel of jaxpad.conv."
        )
