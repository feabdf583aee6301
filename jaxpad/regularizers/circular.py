"""The residual of a circular convolution, from as few frequencies as hold it.

`||K K^T - I||_F^2` of `N` outputs is the sum over frequencies of `||T T^H - I||_F^2`.
Divided by `N` it is the same for every image in which the autocorrelation of the kernel
fits, so it is computed on the smallest (Parseval). With stride `S` and dilation `D`
only taps whose distance is a multiple of `S / gcd(S, D)` meet.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from ..spectral import responses
from ..typing import Array
from .gram import distance


def circular_lorth(
    kernel: Array,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    outputs: Sequence[int | None],
) -> Array:
    """L_orth; `outputs` along each axis, or None for an image without end.

    The smaller of the products is taken, and the difference between the two, a whole
    number, is added: nothing is subtracted, so float32 keeps what is left of it.
    """
    axes = [
        _smallest(*axis)
        for axis in zip(kernel.shape, stride, dilation, outputs, strict=False)
    ]
    cells, strides, dilations = zip(*axes, strict=True)
    blocks = responses(
        kernel,
        [*map(_angles, cells[:-1]), _half(cells[-1])],
        stride=strides,
        dilation=dilations,
        groups=groups,
    )
    out, phases = blocks.shape[-2:]
    wide = out <= phases
    each = distance(blocks if wide else jnp.swapaxes(blocks, -1, -2)).sum(-1)
    weights = jnp.asarray(_half_weights(cells[-1]) / math.prod(cells), each.dtype)
    total = jnp.sum(each.reshape(-1, len(weights)).sum(0) * weights)
    # Columns that exist, by the true stride; those that no tap reaches are short of 1.
    columns = kernel.shape[-2] * math.prod(stride)
    rows_short = 0 if wide else out - phases
    excess = rows_short - max(out - columns, 0)
    return total + groups * excess


def _smallest(
    taps: int, stride: int, dilation: int, outputs: int | None
) -> tuple[int, int, int]:
    """Outputs, stride and dilation of the smallest torus with the same value."""
    common = math.gcd(stride, dilation)
    reach = (taps - 1) // (stride // common)
    if outputs is None or outputs > 2 * reach * (dilation // common):
        return 2 * reach + 1, stride // common, 1
    return outputs, stride, dilation


def _angles(n: int) -> np.ndarray:
    return 2 * np.pi * np.arange(n) / n


def _half(n: int) -> np.ndarray:
    """The frequencies of a real signal that are no others' conjugates."""
    return _angles(n)[: n // 2 + 1]


def _half_weights(n: int) -> np.ndarray:
    """How many of all frequencies each of them stands for."""
    weights = np.full(n // 2 + 1, 2.0)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights
