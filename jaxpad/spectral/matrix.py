"""The dense matrix of a convolution: the oracle, for every linear mode."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Float

from ..conv import conv
from ..conv.transposed import check_linear
from ..padding import Padding
from ..typing import Amount, Array, Kernel, Mode, PerAxis
from .operator import Operator, read_operator


# 1 GiB of float32.
LARGEST = 2**28


def conv_matrix(
    kernel: Kernel,
    size: PerAxis,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "circular",
    amount: Amount = "same",
) -> Float[Array, "out_cells_out in_cells_in"]:
    """The matrix of `jaxpad.conv` on images of a size: `K @ x.ravel() == y.ravel()`.

    It is made by convolving the unit images, so it holds whatever `conv` does at the
    border, reweighting too. Of an affine mode (constant) it is the linear part.

    Args:
        kernel: `[*window, in / groups, out]`.
        size: cells of the input along each axis.
        stride, dilation, groups, padding, amount: as in `jaxpad.conv`, but for the
            default padding.

    Returns:
        `[out_cells * out, in_cells * in]`, cell-major: the channels of a cell are
        neighbours.

    Raises:
        ValueError: for a mode that is not linear, or a matrix beyond 2**28 entries.

    Example:
        >>> conv_matrix(jnp.array([1.0, 2.0])[:, None, None], 3, padding="zero")
        Array([[1., 2., 0.],
               [0., 1., 2.],
               [0., 0., 1.]], dtype=float32)
    """
    operator = read_operator(
        "conv_matrix",
        kernel,
        size,
        stride=stride,
        dilation=dilation,
        groups=groups,
        padding=padding,
        amount=amount,
    )
    return dense(operator)


def dense(operator: Operator) -> Array:
    """`conv_matrix` of an operator.

    Raises:
        ValueError: as `conv_matrix`.
    """
    kernel, window, padding, groups = operator
    rows, columns = shape_of(operator)
    if rows * columns > LARGEST:
        raise ValueError(
            f"conv_matrix: size={window.space} makes a matrix of {rows:,} x "
            f"{columns:,} entries; at most {LARGEST:,} are made. Use a smaller size: "
            "beyond a few windows the border does not change."
        )
    check_linear(padding.mode, len(window.space), "conv_matrix")
    features = kernel.shape[-2] * groups

    def apply(x: Array) -> Array:
        return conv(
            x.reshape(-1, *window.space, features),
            kernel,
            stride=window.stride,
            dilation=window.dilation,
            groups=groups,
            padding=Padding(padding.mode, window.widths, padding.reweight),
            strategy="explicit",
            precision="highest",
        ).reshape(-1, rows)

    image = jnp.zeros((1, columns), kernel.dtype)
    if rows < columns:  # the fewer unit vectors; a derivative drops the constant
        _, back = jax.vjp(apply, image)
        return jax.vmap(lambda unit: back(unit[None])[0][0])(
            jnp.eye(rows, dtype=kernel.dtype)
        )
    return (apply(jnp.eye(columns, dtype=kernel.dtype)) - apply(image)).T


def shape_of(operator: Operator) -> tuple[int, int]:
    """Rows and columns of the matrix."""
    kernel, window, _, groups = operator
    rows = math.prod(window.outputs) * kernel.shape[-1]
    return rows, math.prod(window.space) * kernel.shape[-2] * groups
