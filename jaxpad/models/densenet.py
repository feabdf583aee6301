"""DenseNet: every layer sees what all layers of its block have made."""

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Shaped

from ..layers import AvgPool, MaxPool
from ..padding import Padding, as_padding
from ..typing import Array, Mode
from .catalogue import MODELS
from .classifier import Classifier, Maps
from .parts import conv, norm, under_windows, unequal, without_border


class DenseLayer(nnx.Module):
    """A pre-activated 1x1 and 3x3 convolution, whose output is set beside the input.

    Under "valid" the input is cropped to the pixels under the windows.

    Args:
        in_features: channels of the input.
        growth: channels that are added; the 1x1 convolution puts out 4 times as many.
        momentum: of the batch norms.
        padding: of the convolutions.
        dtype: of the computation.
        rngs: keys for the initializers.
    """

    def __init__(
        self,
        in_features: int,
        growth: int,
        *,
        momentum: float,
        padding: Padding,
        dtype: Any,
        rngs: nnx.Rngs,
    ):
        sizes = (in_features, 4 * growth, growth)
        make_norm = functools.partial(norm, momentum=momentum, dtype=dtype, rngs=rngs)
        make = functools.partial(conv, padding=padding, dtype=dtype, rngs=rngs)
        self.norms = nnx.List(map(make_norm, sizes[:2]))
        self.convs = nnx.List(map(make, sizes[:2], sizes[1:], (1, 3)))

    def __call__(self, x: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        y = x
        for layer, norm_ in zip(self.convs, self.norms, strict=True):
            y = layer(nnx.relu(norm_(y)))
        x = under_windows(x, self.convs)
        if y.shape[:-1] != x.shape[:-1]:
            raise ValueError(unequal(self.convs[-1].padding))
        return jnp.concatenate([x, y], axis=-1)


class Transition(nnx.Module):
    """Half the channels, and half the cells of each axis: norm, 1x1, 2x2 mean.

    Args:
        in_features: channels of the input.
        momentum: of the batch norm.
        padding: of the layers, which have no border.
        dtype: of the computation.
        rngs: keys for the initializers.
    """

    def __init__(
        self,
        in_features: int,
        *,
        momentum: float,
        padding: Padding,
        dtype: Any,
        rngs: nnx.Rngs,
    ):
        self.norm = norm(in_features, momentum=momentum, dtype=dtype, rngs=rngs)
        options: dict[str, Any] = {"padding": padding, "dtype": dtype, "rngs": rngs}
        self.conv = conv(in_features, in_features // 2, 1, **options)
        self.pool = AvgPool((2, 2), padding=without_border(padding), rngs=rngs)

    def __call__(self, x: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        return self.pool(self.conv(nnx.relu(self.norm(x))))


class DenseNet(Classifier):
    """A 7x7 stem, dense blocks with transitions between, and a linear head.

    `features` gives the stem's map, each block's before its transition, and last the
    map that the head takes the mean of.

    Args:
        channels: channels of the image.
        classes: outputs; None leaves the head away: calling the network gives the
            last map's mean over space.
        blocks: layers of each dense block.
        growth: channels that a layer adds.
        width: channels of the stem.
        momentum: of the batch norms: the old running statistics' share of the new.
        padding: of every convolution and pool with a border; a name in
            `jaxpad.PADDINGS`, a mode, or a `jaxpad.Padding`.
        dtype: of the computation; parameters and statistics stay float32.
        rngs: keys for the initializers.

    Example:
        >>> net = DenseNet(3, 10, blocks=(1, 2), growth=4, width=8, rngs=nnx.Rngs(0))
        >>> [x.shape for x in net.features(jnp.ones((1, 32, 32, 3)))]
        [(1, 16, 16, 8), (1, 8, 8, 12), (1, 4, 4, 14)]

    "Densely Connected Convolutional Networks" (Huang et al., 2016).
    """

    def __init__(
        self,
        channels: int,
        classes: int | None,
        *,
        blocks: Sequence[int],
        growth: int = 32,
        width: int = 64,
        momentum: float = 0.9,
        padding: Mode | Padding = "zero",
        dtype: Any = None,
        rngs: nnx.Rngs,
    ):
        spec = as_padding(padding)
        options: dict[str, Any] = {"padding": spec, "dtype": dtype, "rngs": rngs}
        make_norm = functools.partial(norm, momentum=momentum, dtype=dtype, rngs=rngs)
        self.stem = conv(channels, width, 7, 2, **options)
        self.stem_norm = make_norm(width)
        self.pool = MaxPool(
            (3, 3), 2, padding=spec, amount="half", features=width, rngs=rngs
        )
        self.layers, self.transitions = nnx.List([]), nnx.List([])
        sizes, features = [width], width
        for n, count in enumerate(blocks):
            if n > 0:
                self.transitions.append(
                    Transition(features, momentum=momentum, **options)
                )
                features //= 2
            for _ in range(count):
                layer = DenseLayer(features, growth, momentum=momentum, **options)
                self.layers.append(layer)
                features += growth
            sizes.append(features)
        self.norm = make_norm(features)
        self.head = nnx.data(None)
        if classes is not None:
            self.head = nnx.Linear(features, classes, dtype=dtype, rngs=rngs)
        self.channels, self.stages = channels, tuple(blocks)
        self.feature_channels = tuple(sizes)
        self.feature_strides = tuple(2 ** (n + 1) for n in range(len(sizes)))

    @property
    def padding(self) -> Padding:
        """What the layers with a border do there."""
        return self.stem.padding

    def _features(self, x: Array) -> Maps:
        x = nnx.relu(self.stem_norm(self.stem(x)))
        maps, starts = [x], np.cumsum(self.stages)[:-1].tolist()
        x = self.pool(x)
        for n, layer in enumerate(self.layers):
            if n in starts:
                maps.append(x)
                x = self.transitions[starts.index(n)](x)
            x = layer(x)
        return (*maps, nnx.relu(self.norm(x)))

    def _scores(self, x: Array) -> Array:
        x = jnp.mean(x, axis=(1, 2))
        return x if self.head is None else self.head(x)


@MODELS.register
def densenet121(channels: int, classes: int | None, **options) -> DenseNet:
    """DenseNet-121 for large images, 8.0 million parameters at 1,000 classes.

    Under "valid" each of its 58 dense layers takes a cell from both sides: the
    smallest image is then 2,071 pixels wide.
    """
    return DenseNet(channels, classes, **{"blocks": (6, 12, 24, 16), **options})
