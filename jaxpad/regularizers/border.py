"""The residual of a convolution under any padding, at a cost without its size."""

import functools
import math

import jax.numpy as jnp
import numpy as np

from ..spectral import Operator, dense
from ..typing import Array
from .gram import distance, gram
from .patterns import Patterns, patterns


def border_residual(operator: Operator) -> Array:
    """`||K K^T - I||_F^2`, or of `K^T K` if the output has more numbers than the input.

    A sum over the different pairs of outputs (see `patterns.py`), each computed once.
    A mode that does not act axis by axis goes through the dense matrix.
    """
    columns = not is_wide(operator)
    found = patterns(operator, columns=columns)
    if found is None:
        return dense_residual(operator)
    *window, inputs, out = operator.kernel.shape
    kernel = operator.kernel.reshape(
        *window, inputs, operator.groups, out // operator.groups
    )
    # [groups, taps and what is left, what is summed over]
    kernel = jnp.moveaxis(kernel, -2, 0)
    kernel = kernel if columns else jnp.swapaxes(kernel, -1, -2)
    features = kernel.shape[-2]
    products = gram(kernel.reshape(operator.groups, -1, kernel.shape[-1]))
    products = products.reshape(-1, *window, features, *window, features)
    # [taps, taps, groups, features, features]
    rank = len(window)
    products = jnp.moveaxis(products, (0, rank + 1), (-3, -2))
    return _sum(products, found)


def _sum(products: Array, found: list[Patterns]) -> Array:
    """`sum count ||sum q products - same I||^2`."""
    left, rank = products, len(found)
    for i, pattern in enumerate(found):
        weights = jnp.asarray(pattern.weights, products.dtype)
        # Taps that are left are first, the patterns last.
        axes = (0, rank - i)
        left = jnp.tensordot(left, weights, (axes, (1, 2)), precision="highest")
    same = functools.reduce(np.logical_and.outer, [p.same for p in found])
    count = functools.reduce(np.multiply.outer, [p.pairs for p in found])
    unit = jnp.eye(left.shape[1], dtype=left.dtype)
    unit = jnp.expand_dims(unit, (0, *range(3, left.ndim)))
    difference = left - unit * jnp.asarray(same, left.dtype)[None, None, None]
    return jnp.sum(
        jnp.square(difference).sum((0, 1, 2)) * jnp.asarray(count, left.dtype)
    )


def dense_residual(operator: Operator) -> Array:
    """The same from the dense matrix."""
    matrix = dense(operator)
    matrix = matrix if is_wide(operator) else matrix.T
    return distance(matrix)


def is_wide(operator: Operator) -> bool:
    """Whether the output has at most as many numbers as the input."""
    inputs, out = operator.features
    window = operator.window
    return math.prod(window.outputs) * out <= math.prod(window.space) * inputs
