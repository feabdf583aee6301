"""How far a convolution is from orthogonal, under the padding that it has."""

import dataclasses
import math
import warnings
from typing import Any

import jax.numpy as jnp
from jaxtyping import Float

from ..arith import transposed_output_size
from ..conv.geometry import per_axis
from ..orthogonal import exists
from ..padding import Padding, as_padding, per_axis_amounts
from ..registry import Registry
from ..spectral import Operator, is_torus, read_kernel, read_operator
from ..typing import Amount, Array, Kernel, Mode, PerAxis
from .border import border_residual
from .circular import circular_lorth


# Warnings that were given, each once.
_SAID: set[str] = set()

REGULARIZERS: Registry[Any] = Registry("regularizer")


@REGULARIZERS.register
def lorth(
    kernel: Kernel,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "circular",
    size: PerAxis | None = None,
    transpose: bool = False,
    amount: Amount = "same",
    name: str | None = None,
) -> Float[Array, ""]:
    """L_orth: what an output cell is short of orthogonal, zero iff the map is.

        L_orth = ||K K^T - I||_F^2 / outputs    if K is wide (M <= C prod(stride))
                 ||K^T K - I||_F^2 / outputs    if it is high

    with `K` the matrix of the convolution from C to M channels. Under circular padding
    it is the same for every image in which the kernel's autocorrelation fits, and it
    bounds the singular values there (`err^2 <= alpha L_orth`, theorem 8 of the paper).
    Its cost does not grow with the image. Both products are taken in the form that
    subtracts nothing, so that float32 shows 2e-6 where it is 2e-6.

    Args:
        kernel: `[*window, in / groups, out]`; with `transpose` that of
            `jaxpad.conv_transpose`, `[*window, in, out / groups]`.
        stride, dilation, groups, padding, amount: as in `jaxpad.conv`, but for the
            default padding.
        size: cells of the layer's input along each axis, for the border of just that
            image. None leaves the border out: an image without end, where every mode
            has the same value, and circular padding for any image that is not small.
        transpose: whether the layer is the transposed convolution; a map and its
            adjoint are equally far from orthogonal.
        name: of the layer, for the warning.

    Returns:
        A number of the kernel's dtype, float32 at least.

    Warns:
        UserWarning: once for each layer for which no orthogonal kernel exists
            (`jaxpad.regularizers.exists`), with what to change.

    Raises:
        ValueError: for shapes that do not fit together, a kernel that is not finite, or
            a mode that is not linear.

    Example:
        >>> kernel = jnp.zeros((3, 3, 4, 4)).at[1, 1].set(jnp.eye(4))
        >>> lorth(kernel)
        Array(0., dtype=float32)
        >>> lorth(kernel.at[0, 0, 0, 0].set(0.1)).round(4)
        Array(0.0201, dtype=float32)

    "Existence, Stability and Scalability of Orthogonal Convolutional Neural Networks",
    Achour, Malgouyres and Mamalet, 2022, for circular padding, odd square windows and
    one stride. "Orthogonal Convolutional Neural Networks", Wang et al., 2020, for the
    first case.
    """
    kernel, groups = read_kernel("lorth", forward_kernel(kernel, transpose), groups)
    border = _with_amount(padding, amount)
    if size is None:  # the border has no weight
        border = Padding("circular")
    _warn_if_infeasible(
        name, kernel, stride, dilation, groups, border, transpose=transpose
    )
    if size is None:
        rank = kernel.ndim - 2
        strides = per_axis("stride", stride, rank)
        dilations = per_axis("dilation", dilation, rank)
        return circular_lorth(kernel, strides, dilations, groups, [None] * rank)
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    if transpose:
        size = transposed_size(kernel, size, amount=amount, **options)
    operator = read_operator(
        "lorth", kernel, size, groups=groups, amount=amount, **options
    )
    return _residual(operator) / math.prod(operator.window.outputs)


def residual(
    kernel: Kernel,
    size: PerAxis,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "circular",
    transpose: bool = False,
    amount: Amount = "same",
) -> Float[Array, ""]:
    """`||K K^T - I||_F^2` of a whole layer, or `||K^T K - I||_F^2` if K is high.

    That is `lorth` times the number of outputs (theorem 7 of its paper for circular
    padding), exact under every padding at every size. The compiled program is the same
    for a large image as for a small one.

    Args:
        kernel, size, stride, dilation, groups, padding, transpose, amount: as in
            `lorth`; here the size is needed.

    Returns:
        A number of the kernel's dtype, float32 at least.

    Raises:
        ValueError: as `lorth`.

    Example:
        >>> kernel = jnp.zeros((3, 3, 4, 4)).at[0, 0].set(jnp.eye(4))
        >>> residual(kernel, 10), residual(kernel, 10, padding="zero")
        (Array(0., dtype=float32), Array(76., dtype=float32))
    """
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    kernel, groups = read_kernel("residual", forward_kernel(kernel, transpose), groups)
    if transpose:
        size = transposed_size(kernel, size, amount=amount, **options)
    operator = read_operator(
        "residual", kernel, size, groups=groups, amount=amount, **options
    )
    return _residual(operator)


def _residual(operator: Operator) -> Array:
    if not is_torus(operator):
        return border_residual(operator)
    kernel, window, _, groups = operator
    steps = window.stride, window.dilation
    each = circular_lorth(kernel, *steps, groups, window.outputs)
    return each * math.prod(window.outputs)


def forward_kernel(kernel: Any, transpose: bool) -> Any:
    """The kernel of the convolution, if that of its transpose came."""
    return jnp.swapaxes(jnp.asarray(kernel), -1, -2) if transpose else kernel


def transposed_size(
    kernel: Array, size: Any, *, stride: Any, dilation: Any, padding: Any, amount: Any
) -> tuple[int, ...]:
    """The input of the convolution whose transpose has an input of `size`."""
    rank, own = kernel.ndim - 2, as_padding(padding).amount
    return tuple(
        map(
            transposed_output_size,
            per_axis("size", size, rank),
            kernel.shape[:-2],
            per_axis("stride", stride, rank),
            per_axis_amounts(amount if own is None else own, rank),
            [0] * rank,
            per_axis("dilation", dilation, rank),
        )
    )


def _with_amount(padding: Any, amount: Any) -> Padding:
    padding = as_padding(padding)
    amount = amount if padding.amount is None else padding.amount
    return dataclasses.replace(padding, amount=amount)


def _warn_if_infeasible(
    name: str | None,
    kernel: Array,
    stride: Any,
    dilation: Any,
    groups: int,
    padding: Any,
    *,
    transpose: bool,
) -> None:
    *window, inputs, out = kernel.shape
    features = (out, inputs * groups) if transpose else (inputs * groups, out)
    layer = (*features, window, stride, dilation, groups, padding)
    found = exists(*layer, transpose=transpose)
    what = name or f"kernel {list(kernel.shape)}"
    message = f"lorth of {what} cannot reach 0: {found.reason}"
    if found.possible is False and message not in _SAID:  # None is not known
        _SAID.add(message)
        warnings.warn(message, stacklevel=3)
