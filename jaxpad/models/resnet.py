"""Residual networks whose padding is named once and used by every layer.

Every convolution and pool takes the amount "half" (`k // 2` cells on both sides, as
PyTorch), so all paddings see the same sampling grid and published weights fit.
Under "valid" the shortcut is cropped to the pixels under the main branch's windows.
"Deep Residual Learning" (He et al., 2015), with the stride in the 3x3 convolution;
the small ones are pre-activated: "Identity Mappings" (He et al., 2016).
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..layers import MaxPool
from ..padding import Padding, as_padding
from ..typing import Array, Mode
from .blocks import Block
from .classifier import Classifier, Maps
from .parts import conv, norm as batch_norm


class ResNet(Classifier):
    """A stem, stages of residual blocks, the mean over space, and a linear head.

    Args:
        channels: channels of the image.
        classes: outputs; None leaves the head away, for a network whose `features` are
            used: calling it gives the last map's mean over space.
        blocks: number of blocks of each stage; the first of each stage but the first
            has stride 2, and the width doubles there.
        width: channels of the stem, and of the first stage's 3x3 convolutions.
        bottleneck: the kind of block.
        small: for small images a 3x3 stem and pre-activated blocks, for large ones a
            7x7 stem at stride 2, a max-pool, and post-activated blocks.
        widen: factor on the channels of the 3x3 convolutions.
        output_stride: pixels from one cell of the last map to the next; where a stage
            would exceed it, its stride becomes a dilation of all that comes after, so
            that every cell which is still there is what it was. None: as published.
        multi_grid: for the blocks of the last stage, factors on the dilation, which
            the first block then has too (DeepLabV3's way).
        zero_gamma: whether the last norm of each block starts at zero, which is
            "Accurate, Large Minibatch SGD" (Goyal et al., 2017).
        norm: whether there are batch norms; without, channels have a learned shift in
            their place, and the main branch of each block a learned factor that starts
            at zero: "Batch Normalization Biases Residual Blocks Towards the Identity
            Function in Deep Networks" (De and Smith, 2020).
        momentum: of the batch norms: the old running statistics' share of the new.
        padding: of every convolution and pool; a name in `jaxpad.PADDINGS`, a mode,
            or a `jaxpad.Padding`.
        dtype: of the computation; parameters and statistics stay float32.
        rngs: keys for the initializers.

    Raises:
        ValueError: for an output stride that the stages do not pass, a multi-grid of
            another length than the last stage, or `zero_gamma` before a relu or without
            norms.

    Example:
        >>> net = ResNet(3, None, blocks=(1, 1, 1, 1), width=4, output_stride=8,
        ...              rngs=nnx.Rngs(0))
        >>> [x.shape for x in net.features(jnp.ones((1, 32, 32, 3)))]
        [(1, 16, 16, 4), (1, 8, 8, 4), (1, 4, 4, 8), (1, 4, 4, 16), (1, 4, 4, 32)]
    """

    def __init__(
        self,
        channels: int,
        classes: int | None,
        *,
        blocks: Sequence[int],
        width: int,
        bottleneck: bool = False,
        small: bool = False,
        widen: int = 1,
        output_stride: int | None = None,
        multi_grid: Sequence[int] | None = None,
        zero_gamma: bool = False,
        norm: bool = True,
        momentum: float = 0.9,
        padding: Mode | Padding = "zero",
        dtype: Any = None,
        rngs: nnx.Rngs,
    ):
        if zero_gamma and small:
            raise ValueError(
                "zero_gamma=True: the last norm of a pre-activated block stands before "
                "a relu, which would pass no gradient to it. Leave zero_gamma=False, "
                "or set small=False."
            )
        if zero_gamma and not norm:
            raise ValueError(
                "zero_gamma=True is for batch norms, and norm=False leaves them away: "
                "its blocks start as their shortcut anyway. Leave zero_gamma=False."
            )
        stem_stride = 1 if small else 2
        entry = 1 if small else 4
        plan = _plan(blocks, entry, output_stride, multi_grid)
        options: dict[str, Any] = {
            "padding": as_padding(padding), "dtype": dtype, "rngs": rngs
        }  # fmt: skip
        self.stem = conv(channels, width, 3 if small else 7, stem_stride, **options)
        pool = functools.partial(MaxPool, padding=options["padding"], rngs=rngs)
        self.pool = None if small else pool((3, 3), 2, amount="half", features=width)
        self.blocks, sizes = nnx.List([]), [width]
        for stage, units in enumerate(plan):
            features, expansion = width * 2**stage, 4 if bottleneck else widen
            for unit, (stride, dilations) in enumerate(units):
                self.blocks.append(
                    Block(
                        features * expansion if unit else sizes[-1],
                        features,
                        stride,
                        bottleneck=bottleneck,
                        preactivated=small,
                        widen=widen,
                        dilations=dilations,
                        zero_gamma=zero_gamma,
                        norm=norm,
                        momentum=momentum,
                        **options,
                    )
                )
            sizes.append(features * expansion)
        self.norm = batch_norm(
            sizes[-1] if small else width,
            normed=norm,
            momentum=momentum,
            dtype=dtype,
            rngs=rngs,
        )
        self.head = nnx.data(None)
        if classes is not None:
            self.head = nnx.Linear(sizes[-1], classes, dtype=dtype, rngs=rngs)
        self.channels, self.small = channels, small
        self.stages, self.feature_channels = tuple(blocks), tuple(sizes)
        strides = np.cumprod([units[0].stride for units in plan]) * entry
        self.feature_strides = (stem_stride, *map(int, strides))

    @property
    def padding(self) -> Padding:
        """What the layers with a border do there."""
        return self.stem.padding

    def _features(self, x: Array) -> Maps:
        x = self.stem(x)
        if not self.small:
            x = nnx.relu(self.norm(x))
        maps, ends = [x], np.cumsum(self.stages)
        if self.pool is not None:
            x = self.pool(x)
        for n, block in enumerate(self.blocks):
            x = block(x)
            if n + 1 in ends:
                maps.append(x)
        if self.small:
            maps[-1] = nnx.relu(self.norm(x))
        return tuple(maps)

    def _scores(self, x: Array) -> Array:
        x = jnp.mean(x, axis=(1, 2))
        return x if self.head is None else self.head(x)


class _Unit(NamedTuple):
    """The stride of a block's first 3x3 convolution, and the dilations of both."""

    stride: int
    dilations: tuple[int, int]


def _plan(
    blocks: Sequence[int],
    entry: int,
    output_stride: int | None,
    multi_grid: Sequence[int] | None,
) -> list[list[_Unit]]:
    """The units of each stage of a network whose first stage has the stride `entry`."""
    coarsest = entry * 2 ** (len(blocks) - 1)
    target = coarsest if output_stride is None else output_stride
    allowed = [entry * 2**n for n in range(len(blocks))]
    if target not in allowed:
        raise ValueError(
            f"output_stride={output_stride}: the stages of this network pass "
            f"{', '.join(map(str, allowed))}; use one of these."
        )
    if multi_grid is not None and len(multi_grid) != blocks[-1]:
        raise ValueError(
            f"multi_grid={tuple(multi_grid)}: expected one factor for each of the "
            f"{blocks[-1]} blocks of the last stage."
        )
    plan, reached, rate = [], entry, 1
    for stage, count in enumerate(blocks):
        before, stride = rate, 1
        if stage > 0 and reached < target:
            reached, stride = reached * 2, 2
        elif stage > 0:
            rate *= 2
        # What was strided is dilated from the next convolution on.
        units = [_Unit(stride, (before, rate)), *[_Unit(1, (rate, rate))] * (count - 1)]
        plan.append(units)
    if multi_grid is not None:
        first = plan[-1][0].stride
        plan[-1] = [_Unit(1, (rate * m, rate * m)) for m in multi_grid]
        plan[-1][0] = plan[-1][0]._replace(stride=first)
    return plan
