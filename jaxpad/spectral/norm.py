"""The spectral norm of a convolution: exact, or a bound that is never too small."""

import math

from jaxtyping import Float

from ..padding import Padding
from ..typing import Amount, Array, Kernel, Mode, PerAxis
from .bound import bound, bound_for_every_size, frequencies, largest, rounding
from .matrix import shape_of
from .operator import Operator, is_torus, read_kernel, read_operator
from .values import LARGEST_SVD, frequency_blocks, group_matrices


# Multiplications beyond which the bound is taken: some seconds of one core.
LARGEST_EXACT = 2**32


def norm(
    kernel: Kernel,
    size: PerAxis | None = None,
    *,
    stride: PerAxis = 1,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding: Mode | Padding = "circular",
    amount: Amount = "same",
) -> Float[Array, ""]:
    """The largest factor by which `jaxpad.conv` can lengthen an image.

    With a size, and a matrix that is not too large, it is the largest singular value.
    Else it is a certified upper bound, for a size or (None) for every one:

        max_w ||T(w)|| prod_i c_i ||P_i|| max(r_i),   c_i = cos(pi / p)^(-1/2)

    with `T` the frequency response at `p` points a degree (32, 16, 8 in 1, 2, 3
    dimensions), between which a trigonometric polynomial grows by no more than `c_i`
    (M. Riesz, 1914; 1.002, 1.01, 1.04), `P_i` the map that pads axis `i`, and `r_i`
    partial convolution's ratio along it. So a kernel that is orthogonal under circular
    padding is 1-Lipschitz under zero and valid padding, but not under others: `||P_i||`
    is 2^0.5 under reflect and symmetric, (1 + r)^0.5 under replicate, r cells wide.
    Groups have channels of their own, so that their norms combine by the maximum.
    Either way the number is rounded up by what its floating-point numbers can lose.

    Args:
        kernel: `[*window, in / groups, out]`.
        size: cells of the input along each axis; None for every size that the stride
            divides, the mode can pad, and two windows fit into side by side (less one
            cell): in smaller ones both borders add to the same cells.
        stride, dilation, groups, padding, amount: as in `jaxpad.conv`, but for the
            default padding.

    Returns:
        A number of the kernel's dtype, float32 at least; differentiable.

    Raises:
        ValueError: for a mode that is not linear; where a bound is needed, for a mode
            or a reweighting that does not act axis by axis.

    Example:
        >>> import jax.numpy as jnp
        >>> smooth = jnp.ones((3, 1, 1)) / 3
        >>> norm(smooth, 8).round(3)
        Array(1., dtype=float32)
        >>> norm(smooth, padding="replicate").round(3)
        Array(1.418, dtype=float32)

    "Efficient Bound of Lipschitz Constant for Convolutional Layers by Gram Iteration",
    Delattre et al., 2023, bounds circular padding from above by other means.
    """
    options = {
        "stride": stride,
        "dilation": dilation,
        "groups": groups,
        "padding": padding,
        "amount": amount,
    }
    if size is None:
        found = bound_for_every_size(kernel, **options)
        return found + rounding(read_kernel("norm", kernel, groups)[0])
    operator = read_operator("norm", kernel, size, **options)
    slack = rounding(operator.kernel)
    if not _affordable(operator):
        return bound(operator) + slack
    torus = is_torus(operator)
    blocks = frequency_blocks(operator) if torus else group_matrices(operator)
    return largest(blocks) + slack


def _affordable(operator: Operator) -> bool:
    """Whether the exact norm takes seconds rather than minutes."""
    inputs, out = operator.features
    window = operator.window
    if is_torus(operator):
        columns = inputs * math.prod(window.stride)
        work = math.prod(window.outputs) * out * columns * min(out, columns)
        few = math.prod(window.outputs) <= frequencies(operator)  # no more than a bound
        return few or work * operator.groups <= LARGEST_EXACT
    rows, columns = (n // operator.groups for n in shape_of(operator))
    few = rows * columns <= LARGEST_SVD
    return (
        few and rows * columns * min(rows, columns) * operator.groups <= LARGEST_EXACT
    )
