"""Circular convolutions as dense matrices, in NumPy alone: what jaxpad is held to."""

import itertools
from typing import Any

import numpy as np


def matrix(kernel: Any, size: int, stride: int) -> np.ndarray:
    """The matrix of a circular cross-correlation, `[cells * out, cells * in]`.

    Args:
        kernel: `[*window, in, out]`.
        size: outputs along each axis; the input has `stride * size`.
        stride: input cells from one output to the next.
    """
    *window, inputs, outputs = kernel.shape
    rank, wide = len(window), stride * size
    found = np.zeros((size**rank, outputs, wide**rank, inputs))
    cells = np.stack(np.meshgrid(*[np.arange(size)] * rank, indexing="ij"))
    cells = stride * cells.reshape(rank, -1)
    rows = np.arange(size**rank)
    for tap in itertools.product(*map(range, window)):
        seen = (cells + np.reshape(tap, (rank, 1))) % wide
        columns = np.ravel_multi_index(tuple(seen), (wide,) * rank)
        found[rows, :, columns, :] += kernel[tap].T
    return found.reshape(size**rank * outputs, -1)


def one_tap(inputs: int, outputs: int, taps: int, stride: int) -> np.ndarray:
    """The paper's kernel (theorem 4): each output reads one number of a corner.

    The corner has `min(taps, stride)` cells a side, and no number is read twice; what
    outputs are left read nothing.
    """
    side = min(taps, stride)
    kernel = np.zeros((taps, taps, inputs, outputs))
    places = itertools.product(range(side), range(side), range(inputs))
    for output, place in zip(range(outputs), places, strict=False):
        kernel[(*place, output)] = 1
    return kernel
