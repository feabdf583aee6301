"""ConvNeXt: depthwise 7x7 convolutions and dense layers on each cell."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Shaped

from ..layers import Conv
from ..padding import Padding, as_padding
from ..typing import Array, Mode
from .catalogue import MODELS
from .classifier import Classifier, Maps
from .parts import layer_norm, patches, under_windows, unequal


# The published start; its truncation at 2 is a hundred standard deviations away.
_init = nnx.initializers.normal(0.02)


class ConvNeXtBlock(nnx.Module):
    """x + scale * mlp(norm(depthwise 7x7 of x)); x is cropped under "valid".

    Args:
        features: channels.
        drop: chance that an image's branch is left out in training.
        padding: of the depthwise convolution.
        dtype: of the computation.
        rngs: keys for the initializers, and for `drop`.
    """

    def __init__(
        self,
        features: int,
        *,
        drop: float,
        padding: Padding,
        dtype: Any,
        rngs: nnx.Rngs,
    ):
        self.conv = Conv(
            features,
            features,
            (7, 7),
            padding=padding,
            amount="half",
            feature_group_count=features,
            dtype=dtype,
            kernel_init=_init,
            rngs=rngs,
        )
        self.norm = layer_norm(features, dtype=dtype, rngs=rngs)
        make = functools.partial(nnx.Linear, kernel_init=_init, dtype=dtype, rngs=rngs)
        self.dense = nnx.List(
            [make(features, 4 * features), make(4 * features, features)]
        )
        self.scale = nnx.Param(jnp.full((features,), 1e-6))
        self.drop = nnx.data(None)
        if drop > 0:
            self.drop = nnx.Dropout(drop, broadcast_dims=(1, 2, 3), rngs=rngs)

    def __call__(self, x: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        y = self.dense[0](self.norm(self.conv(x)))
        y = self.dense[1](jax.nn.gelu(y, approximate=False))
        y = y * self.scale[...].astype(y.dtype)[None, None, None]
        y = y if self.drop is None else self.drop(y)
        x = under_windows(x, [self.conv])
        if y.shape != x.shape:
            raise ValueError(unequal(self.conv.padding))
        return x + y


class ConvNeXt(Classifier):
    """Patches of 4x4 pixels, stages of blocks, and a linear head on the normed mean.

    Where a patch or a 2x2 window begins, the last one ends: they have no border.
    `features` gives each stage's map.

    Args:
        channels: channels of the image.
        classes: outputs; None leaves the head away: calling the network gives the
            last map's mean over space, normed.
        blocks: blocks of each stage.
        width: channels of the first stage; they double from stage to stage.
        drop_path: chance that an image's last branch is left out in training; it
            grows evenly from 0 at the first block.
        padding: of every depthwise convolution; a name in `jaxpad.PADDINGS`, a mode,
            or a `jaxpad.Padding`.
        dtype: of the computation; parameters stay float32.
        rngs: keys for the initializers, and for `drop_path`.

    Example:
        >>> net = ConvNeXt(3, 10, blocks=(1, 1), width=4, rngs=nnx.Rngs(0))
        >>> [x.shape for x in net.features(jnp.ones((1, 32, 32, 3)))]
        [(1, 8, 8, 4), (1, 4, 4, 8)]

    "A ConvNet for the 2020s" (Liu et al., 2022).
    """

    def __init__(
        self,
        channels: int,
        classes: int | None,
        *,
        blocks: Sequence[int],
        width: int = 96,
        drop_path: float = 0.0,
        padding: Mode | Padding = "zero",
        dtype: Any = None,
        rngs: nnx.Rngs,
    ):
        options: dict[str, Any] = {
            "padding": as_padding(padding), "dtype": dtype, "rngs": rngs
        }  # fmt: skip
        sizes = [width * 2**n for n in range(len(blocks))]
        make_norm = functools.partial(layer_norm, dtype=dtype, rngs=rngs)
        self.stem = patches(channels, width, 4, **options)
        self.stem_norm = make_norm(width)
        self.down_norms = nnx.List(map(make_norm, sizes[:-1]))
        self.downs = nnx.List(
            patches(size, 2 * size, 2, **options) for size in sizes[:-1]
        )
        drops = iter(np.linspace(0, drop_path, sum(blocks)))
        self.blocks = nnx.List(
            ConvNeXtBlock(size, drop=float(next(drops)), **options)
            for size, count in zip(sizes, blocks, strict=True)
            for _ in range(count)
        )
        self.norm = make_norm(sizes[-1])
        self.head = nnx.data(None)
        if classes is not None:
            self.head = nnx.Linear(
                sizes[-1], classes, kernel_init=_init, dtype=dtype, rngs=rngs
            )
        self.channels, self.stages = channels, tuple(blocks)
        self.feature_channels = tuple(sizes)
        self.feature_strides = tuple(4 * 2**n for n in range(len(sizes)))

    @property
    def padding(self) -> Padding:
        """What the layers with a border do there."""
        return self.blocks[0].conv.padding

    def _features(self, x: Array) -> Maps:
        x = self.stem(x)
        x = self.stem_norm(x).astype(x.dtype)
        maps, starts = [], np.cumsum(self.stages)[:-1].tolist()
        for n, block in enumerate(self.blocks):
            if n in starts:
                maps.append(x)
                stage = starts.index(n)
                x = self.downs[stage](self.down_norms[stage](x))
            x = block(x)
        return (*maps, x)

    def _scores(self, x: Array) -> Array:
        x = self.norm(jnp.mean(x, axis=(1, 2)))
        return x if self.head is None else self.head(x)


@MODELS.register
def convnext_tiny(channels: int, classes: int | None, **options) -> ConvNeXt:
    """ConvNeXt-T, 28.6 million parameters at 1,000 classes."""
    return ConvNeXt(channels, classes, **{"blocks": (3, 3, 9, 3), **options})
