"""Random convolutions as linear maps, for laws that hold for every one of them."""

import math
from typing import Any, NamedTuple

import numpy as np


# Every padding that acts axis by axis, with the amounts that it is tried with.
PADDINGS = (
    *("zero", "circular", "reflect", "symmetric", "replicate", "partial", "valid"),
    *("odd_reflect", "partial_sqrt", "constant(value=2.0)"),
)
AMOUNTS = ("same", "half", "same_lower", "full")


class Layer(NamedTuple):
    """The arguments of a convolution of images of one size."""

    size: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    inputs: int
    outputs: int
    padding: str
    amount: str

    def options(self) -> dict[str, Any]:
        """What all functions take by name."""
        return {
            "stride": self.stride,
            "dilation": self.dilation,
            "groups": self.groups,
            "padding": self.padding,
            "amount": self.amount,
        }

    def kernels(self, count: int, seed: int = 0) -> np.ndarray:
        """Some kernels `[count, *window, in / groups, out]`, float64."""
        shape = (count, *self.window, self.inputs // self.groups, self.outputs)
        return np.random.default_rng(seed).normal(size=shape) / 2


def random_layer(rng: np.random.Generator, padding: str, *, torus: bool) -> Layer:
    """A small layer; with `torus` its stride divides the size."""
    rank = int(rng.choice([1, 2, 2, 3]))
    window = rng.integers(1, {1: 8, 2: 5, 3: 4}[rank], rank)
    stride = rng.integers(1, {1: 4, 2: 4, 3: 3}[rank], rank)
    dilation = rng.integers(1, 3, rank)
    least = 2 * dilation * (window - 1) + 1  # what every mode can pad
    size = rng.integers(1, {1: 12, 2: 6, 3: 4}[rank], rank)
    if torus:
        size = size * stride
    elif padding != "circular":
        size = np.maximum(size, least if rank < 3 else np.minimum(least, 5))
    groups = int(rng.integers(1, 3))
    amount = "same" if torus else str(rng.choice(AMOUNTS))
    inputs, outputs = (groups * int(n) for n in rng.integers(1, 5, 2))
    size, window, stride, dilation = (
        tuple(map(int, axis)) for axis in (size, window, stride, dilation)
    )
    return Layer(
        size, window, stride, dilation, groups, inputs, outputs, padding, amount
    )


def random_layers(seed: int, count: int, *, torus: bool = False) -> list[Layer]:
    """So many layers, over all paddings (circular alone with `torus`)."""
    rng, found = np.random.default_rng(seed), []
    names = ("circular",) if torus else PADDINGS
    while len(found) < count:
        layer = random_layer(rng, names[len(found) % len(names)], torus=torus)
        if _fits(layer):
            found.append(layer)
    return found


def _fits(layer: Layer) -> bool:
    """Neither a mode that cannot fill the cells, nor a matrix of thousands of rows."""
    spans = [d * (k - 1) + 1 for k, d in zip(layer.window, layer.dilation, strict=True)]
    if math.prod(layer.size) * layer.inputs > 200:
        return False
    return layer.padding == "circular" or all(
        n >= span for n, span in zip(layer.size, spans, strict=True)
    )


def residual_of(matrix: np.ndarray) -> float:
    """`||K K^T - I||_F^2`, or of `K^T K` if the matrix is high."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    return float(np.square(wide @ wide.T - np.eye(len(wide))).sum())
