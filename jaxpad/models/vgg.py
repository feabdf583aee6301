"""VGG with batch norm: stages of 3x3 convolutions, and three dense layers."""

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..layers import MaxPool
from ..padding import Padding, as_padding
from ..typing import Array, Mode
from .catalogue import MODELS
from .classifier import Classifier, Maps
from .parts import conv, norm as batch_norm, without_border


class VGG(Classifier):
    """Stages that end in a 2x2 max-pool, the means over a grid, and dense layers.

    The pools' windows lie side by side and have no border. `features` gives each
    stage's map before its pool, and last the map that the head sees.

    Args:
        channels: channels of the image.
        classes: outputs; None leaves the dense layers away: calling the network gives
            the last map's mean over space.
        blocks: convolutions of each stage.
        width: channels of the first stage; they double up to 8 times as many.
        hidden: outputs of each of the two hidden dense layers.
        grid: cells along each axis of what the dense layers see.
        dropout: share of the hidden outputs that are zero in training.
        norm: whether there are batch norms after the convolutions.
        momentum: of the batch norms: the old running statistics' share of the new.
        padding: of every convolution; a name in `jaxpad.PADDINGS`, a mode, or a
            `jaxpad.Padding`.
        dtype: of the computation; parameters and statistics stay float32.
        rngs: keys for the initializers, and for dropout.

    Example:
        >>> net = VGG(3, 10, blocks=(1, 1), width=4, hidden=8, rngs=nnx.Rngs(0))
        >>> net(jnp.ones((2, 32, 48, 3))).shape
        (2, 10)

    "Very Deep Convolutional Networks for Large-Scale Image Recognition" (Simonyan,
    Zisserman, 2014).
    """

    def __init__(
        self,
        channels: int,
        classes: int | None,
        *,
        blocks: Sequence[int],
        width: int = 64,
        hidden: int = 4096,
        grid: int = 7,
        dropout: float = 0.5,
        norm: bool = True,
        momentum: float = 0.9,
        padding: Mode | Padding = "zero",
        dtype: Any = None,
        rngs: nnx.Rngs,
    ):
        spec = as_padding(padding)
        make = functools.partial(
            conv, padding=spec, use_bias=True, dtype=dtype, rngs=rngs
        )
        sizes = [width * min(2**n, 8) for n in range(len(blocks))]
        outs = [s for s, count in zip(sizes, blocks, strict=True) for _ in range(count)]
        ins = [channels, *outs[:-1]]
        self.convs = nnx.List(make(i, o, 3) for i, o in zip(ins, outs, strict=True))
        self.norms = nnx.List(
            batch_norm(size, normed=norm, momentum=momentum, dtype=dtype, rngs=rngs)
            for size in outs
        )
        self.pool = MaxPool((2, 2), padding=without_border(spec), rngs=rngs)
        self.dense = nnx.List([])
        if classes is not None:
            ins = [sizes[-1] * grid**2, hidden, hidden]
            self.dense.extend(
                nnx.Linear(
                    i,
                    o,
                    dtype=dtype,
                    kernel_init=nnx.initializers.normal(0.01),
                    rngs=rngs,
                )
                for i, o in zip(ins, [hidden, hidden, classes], strict=True)
            )
        self.dropout = nnx.Dropout(dropout, rngs=rngs)
        self.channels, self.stages, self.grid = channels, tuple(blocks), grid
        self.feature_channels = (*sizes, sizes[-1])
        self.feature_strides = tuple(2**n for n in range(len(sizes) + 1))

    @property
    def padding(self) -> Padding:
        """What the layers with a border do there."""
        return self.convs[0].padding

    def _features(self, x: Array) -> Maps:
        maps, ends = [], np.cumsum(self.stages)
        for n, (layer, norm_) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = nnx.relu(norm_(layer(x)))
            if n + 1 in ends:
                maps.append(x)
                x = self.pool(x)
        return (*maps, x)

    def _scores(self, x: Array) -> Array:
        if not self.dense:
            return jnp.mean(x, axis=(1, 2))
        # Channels first, as published kernels count the cells of the map.
        x = jnp.moveaxis(_means(x, self.grid), -1, 1).reshape(len(x), -1)
        *hidden, last = self.dense
        for layer in hidden:
            x = self.dropout(nnx.relu(layer(x)))
        return last(x)


def _means(x: Array, grid: int) -> Array:
    """Means over `grid` regions of each space axis, which overlap or repeat if need be.

    Region i of n cells goes from floor(i n / grid) to ceil((i + 1) n / grid).
    """
    for axis in (1, 2):
        n, i = x.shape[axis], np.arange(grid)
        if n == grid:
            continue
        first, stop = i * n // grid, -(-(i + 1) * n // grid)
        cell = np.arange(n)
        inside = (cell >= first[:, None]) & (cell < stop[:, None])
        weights = jnp.asarray(inside / (stop - first)[:, None], x.dtype)
        x = jnp.moveaxis(jnp.tensordot(x, weights, (axis, 1)), -1, axis)
    return x


@MODELS.register
def vgg16_bn(channels: int, classes: int | None, **options) -> VGG:
    """VGG-16 with batch norm, 138.4 million parameters at 1,000 classes."""
    return VGG(channels, classes, **{"blocks": (2, 2, 3, 3, 3), **options})


@MODELS.register
def vgg19_bn(channels: int, classes: int | None, **options) -> VGG:
    """VGG-19 with batch norm, 143.7 million parameters at 1,000 classes."""
    return VGG(channels, classes, **{"blocks": (2, 2, 4, 4, 4), **options})
