"""All singular values of a convolution."""

import math

import jax.numpy as jnp
from jaxtyping import Float

from ..padding import Padding
from ..typing import Amount, Array, Kernel, Mode, PerAxis
from .matrix import LARGEST, dense, shape_of
from .operator import Operator, acts_on_axes, is_torus, read_operator
from .transfer import transfer


# About a minute of one core.
LARGEST_SVD = 2**24


def singular_values(
    kernel: Kernel,
    size: PerAxis,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "circular",
    amount: Amount = "same",
) -> Float[Array, " values"]:
    """Every singular value of `jaxpad.conv` on images of a size, exactly.

    Under circular padding, with a stride that divides the size, they are those of the
    matrices of `jaxpad.spectral.transfer`: one SVD of `[out, in * prod(stride)]` a
    frequency. Otherwise they come from the dense matrix of a group.

    Args:
        kernel: `[*window, in / groups, out]`.
        size: cells of the input along each axis.
        stride, dilation, groups, padding, amount: as in `jaxpad.conv`, but for the
            default padding.

    Returns:
        `[min(rows, columns)]` of the operator's matrix, descending.

    Raises:
        ValueError: for a mode that is not linear, or where a dense matrix is needed and
            has more than 2**24 entries (of a torus all frequencies together 2**28).

    Example:
        >>> singular_values(jnp.array([1.0, 1.0])[:, None, None], 4).round(3)
        Array([2.   , 1.414, 1.414, 0.   ], dtype=float32)

    Strides go beyond "The Singular Values of Convolutional Layers", Sedghi et al.,
    2019, by the polyphase components of the kernel.
    """
    operator = read_operator(
        "singular_values",
        kernel,
        size,
        stride=stride,
        dilation=dilation,
        groups=groups,
        padding=padding,
        amount=amount,
    )
    return values_of(operator)


def values_of(operator: Operator) -> Array:
    """`singular_values` of an operator."""
    if is_torus(operator):
        blocks = frequency_blocks(operator)
    else:
        blocks = group_matrices(operator)
    values = jnp.linalg.svd(blocks, compute_uv=False).ravel()
    return jnp.sort(values, descending=True)


def frequency_blocks(operator: Operator) -> Array:
    """The operator of a torus as small matrices `[*frequencies, groups, rows, in]`.

    Raises:
        ValueError: if they have more than 2**28 entries.
    """
    window = operator.window
    inputs, out = operator.features
    entries = math.prod(window.space) * inputs * out * operator.groups
    if entries > LARGEST:
        raise ValueError(
            f"size={window.space} has matrices of {entries:,} entries over all "
            f"frequencies; at most {LARGEST:,} are made. Use a smaller size, or "
            "jaxpad.spectral.norm, which bounds the largest at every size."
        )
    return transfer(
        operator.kernel,
        window.space,
        stride=window.stride,
        dilation=window.dilation,
        groups=operator.groups,
    )


def group_matrices(operator: Operator) -> Array:
    """The dense matrix of each group `[groups, rows, columns]`.

    A mode that is no rule may look at all channels at once; then there is one matrix.

    Raises:
        ValueError: if one has more than 2**24 entries.
    """
    groups = operator.groups if acts_on_axes(operator) else 1
    rows, columns = (n // groups for n in shape_of(operator))
    if rows * columns > LARGEST_SVD:
        raise ValueError(
            f"size={operator.window.space} under this padding needs the singular "
            f"values of a dense matrix of {rows:,} x {columns:,} entries a group; at "
            f"most {LARGEST_SVD:,} are taken. Use a smaller size, "
            'padding="circular" with a stride that divides the size, which is exact '
            "at any size, or jaxpad.spectral.norm, which bounds the largest."
        )
    if groups == 1:
        return dense(operator)[None]
    kernels = jnp.split(operator.kernel, groups, axis=-1)
    return jnp.stack([dense(operator._replace(kernel=k, groups=1)) for k in kernels])
