"""Residual networks whose padding is named once and used by every layer.

Every convolution and pool takes the amount "half" (`k // 2` cells on both sides, as
PyTorch), so all paddings see the same sampling grid and published weights fit.
Under "valid" the shortcut is cropped to the pixels under the main branch's windows.
"Deep Residual Learning" (He et al., 2015), with the stride in the 3x3 convolution;
the small ones are pre-activated: "Identity Mappings" (He et al., 2016).
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float, Shaped

from ..conv.geometry import geometry
from ..layers import Conv, MaxPool
from ..padding import Padding, as_padding
from ..registry import Registry
from ..typing import AnyArray, Array, Mode


MODELS: Registry[Any] = Registry("model")


class Block(nnx.Module):
    """A residual block: basic (3x3, 3x3) or bottleneck (1x1, 3x3, 1x1).

    Args:
        in_features: channels of the input.
        width: channels of the 3x3 convolutions.
        stride: of the first 3x3 convolution.
        bottleneck: whether 1x1 convolutions stand around one 3x3.
        preactivated: norm and relu before each convolution rather than after it.
        padding: of the convolutions.
        dtype: of the computation.
        rngs: keys for the initializers.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        stride: int,
        *,
        bottleneck: bool,
        preactivated: bool,
        padding: Padding,
        dtype: Any,
        rngs: nnx.Rngs,
    ):
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        strides = (1, stride, 1) if bottleneck else (stride, 1)
        features = (width, width, 4 * width) if bottleneck else (width, width)
        inputs = (in_features, *features[:-1])
        self.preactivated = preactivated
        make = functools.partial(_conv, padding=padding, dtype=dtype, rngs=rngs)
        norm = functools.partial(_norm, dtype=dtype, rngs=rngs)
        self.convs = nnx.List(map(make, inputs, features, kernels, strides))
        self.norms = nnx.List(map(norm, inputs if preactivated else features))
        self.projection, self.projection_norm = nnx.data(None), nnx.data(None)
        if stride != 1 or in_features != features[-1]:
            self.projection = make(in_features, features[-1], 1, stride)
            self.projection_norm = None if preactivated else norm(features[-1])

    def __call__(self, x: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        y, shortcut = x, x
        for n, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if self.preactivated:
                y = nnx.relu(norm(y))
                # The projection of a pre-activated block sees the activation.
                shortcut = y if n == 0 and self.projection is not None else shortcut
                y = conv(y)
            else:
                y = norm(conv(y))
                y = y if n == len(self.convs) - 1 else nnx.relu(y)
        shortcut = _under_windows(shortcut, self.convs)
        if self.projection is not None:
            shortcut = self.projection(shortcut)
        if self.projection_norm is not None:
            shortcut = self.projection_norm(shortcut)
        if y.shape != shortcut.shape:
            raise ValueError(_unequal(self.convs[-1].padding))
        return y + shortcut if self.preactivated else nnx.relu(y + shortcut)


class ResNet(nnx.Module):
    """A stem, stages of residual blocks, the mean over space, and a linear head.

    Args:
        channels: channels of the image.
        classes: outputs.
        blocks: number of blocks of each stage; the first of each stage but the first
            has stride 2, and the width doubles there.
        width: channels of the first stage's 3x3 convolutions.
        bottleneck: the kind of block.
        small: for small images a 3x3 stem and pre-activated blocks, for large ones a
            7x7 stem at stride 2, a max-pool, and post-activated blocks.
        padding: of every convolution and pool; a name in `jaxpad.PADDINGS`, a mode,
            or a `jaxpad.Padding`.
        dtype: of the computation; parameters and statistics stay float32.
        rngs: keys for the initializers.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        blocks: Sequence[int],
        width: int,
        bottleneck: bool = False,
        small: bool = False,
        padding: Mode | Padding = "zero",
        dtype: Any = None,
        rngs: nnx.Rngs,
    ):
        spec = as_padding(padding)
        kernel, stride = (3, 1) if small else (7, 2)
        self.stem = _conv(
            channels, width, kernel, stride, padding=spec, dtype=dtype, rngs=rngs
        )
        pool = functools.partial(MaxPool, padding=spec, features=width, rngs=rngs)
        self.pool = None if small else pool((3, 3), 2, amount="half")
        self.blocks, features = nnx.List([]), width
        for stage, count in enumerate(blocks):
            for block in range(count):
                self.blocks.append(
                    Block(
                        features,
                        width * 2**stage,
                        2 if stage > 0 and block == 0 else 1,
                        bottleneck=bottleneck,
                        preactivated=small,
                        padding=spec,
                        dtype=dtype,
                        rngs=rngs,
                    )
                )
                features = width * 2**stage * (4 if bottleneck else 1)
        self.norm = _norm(features if small else width, dtype=dtype, rngs=rngs)
        self.head = nnx.Linear(features, classes, dtype=dtype, rngs=rngs)
        self.channels, self.small = channels, small

    def __call__(
        self, x: Float[AnyArray, "batch height width channels"]
    ) -> Float[Array, "batch classes"]:
        """Class scores of images.

        Raises:
            ValueError: if the image is too small for the padding; it names the
                smallest square image that is not.
        """
        try:
            return self._scores(jnp.asarray(x))
        except ValueError as error:
            smallest = self.smallest_input() if x.ndim == 4 else None
            if smallest is None or min(x.shape[1:3]) >= smallest:
                raise
            raise ValueError(
                f"images of {x.shape[1]}x{x.shape[2]} pixels are too small for this "
                f"network under {self.stem.padding}: the smallest legal input is "
                f"{smallest}x{smallest}. Use larger images, fewer stages, or a padding "
                f'that takes any size such as "zero". ({error})'
            ) from error

    def smallest_input(self, largest: int = 4096) -> int | None:
        """The side of the smallest square image that the network takes, if any."""
        graph, state = nnx.split(self)

        def scores(state, x):
            return nnx.merge(graph, state)._scores(x)

        def fits(size: int) -> bool:
            image = jax.ShapeDtypeStruct((1, size, size, self.channels), jnp.float32)
            try:
                jax.eval_shape(scores, state, image)
            except ValueError:
                return False
            return True

        low, high = 1, largest
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if fits(middle) else (middle + 1, high)
        return low if fits(low) else None

    def _scores(self, x: Array) -> Array:
        x = self.stem(x)
        if self.pool is not None:
            x = self.pool(nnx.relu(self.norm(x)))
        for block in self.blocks:
            x = block(x)
        if self.small:
            x = nnx.relu(self.norm(x))
        return self.head(jnp.mean(x, axis=(1, 2)))


@MODELS.register
def resnet20(channels: int, classes: int, *, width: int = 16, **options) -> ResNet:
    """ResNet-20 for small images, pre-activated: three stages of three blocks."""
    return ResNet(
        channels, classes, blocks=(3, 3, 3), width=width, small=True, **options
    )


@MODELS.register
def resnet18(channels: int, classes: int, *, width: int = 64, **options) -> ResNet:
    """ResNet-18 for large images."""
    return ResNet(channels, classes, blocks=(2, 2, 2, 2), width=width, **options)


@MODELS.register
def resnet34(channels: int, classes: int, *, width: int = 64, **options) -> ResNet:
    """ResNet-34 for large images."""
    return ResNet(channels, classes, blocks=(3, 4, 6, 3), width=width, **options)


@MODELS.register
def resnet50(channels: int, classes: int, *, width: int = 64, **options) -> ResNet:
    """ResNet-50 for large images, 25.6 million parameters at 1,000 classes."""
    return _deep((3, 4, 6, 3), channels, classes, width, options)


@MODELS.register
def resnet101(channels: int, classes: int, *, width: int = 64, **options) -> ResNet:
    """ResNet-101 for large images."""
    return _deep((3, 4, 23, 3), channels, classes, width, options)


@MODELS.register
def resnet152(channels: int, classes: int, *, width: int = 64, **options) -> ResNet:
    """ResNet-152 for large images."""
    return _deep((3, 8, 36, 3), channels, classes, width, options)


def _deep(
    blocks: Sequence[int], channels: int, classes: int, width: int, options: Any
) -> ResNet:
    return ResNet(
        channels, classes, blocks=blocks, width=width, bottleneck=True, **options
    )


def _conv(
    in_features: int,
    out_features: int,
    kernel: int,
    stride: int,
    *,
    padding: Padding,
    dtype: Any,
    rngs: nnx.Rngs,
) -> Conv:
    return Conv(
        in_features,
        out_features,
        (kernel, kernel),
        stride,
        # A window of 1 has no border: an amount that is meant for 3 is not for it.
        padding=dataclasses.replace(padding, amount="valid")
        if kernel == 1
        else padding,
        amount="half",
        use_bias=False,
        dtype=dtype,
        kernel_init=nnx.initializers.variance_scaling(2.0, "fan_out", "normal"),
        rngs=rngs,
    )


def _norm(features: int, *, dtype: Any, rngs: nnx.Rngs) -> nnx.BatchNorm:
    return nnx.BatchNorm(features, momentum=0.9, dtype=dtype, rngs=rngs)


def _unequal(padding: Padding) -> str:
    return (
        f"{padding} gives the main branch of a residual block another size than its "
        'shortcut: use the amount "half" or "valid".'
    )


def _under_windows(x: Array, convs: Sequence[Conv]) -> Array:
    """The pixels from the centre of the first window to that of the last.

    With "half" that is the image, up to what the stride skips; with "valid" the
    windows begin inside the image, and the shortcut must begin there too.
    """
    size, start, jump = x.shape[1:3], np.zeros(2, int), np.ones(2, int)
    for conv in convs:
        window = geometry(size, conv.kernel_size, conv.strides, 1, conv.amount)
        before = np.asarray(window.widths)[:, 0]
        start = start + ((np.asarray(window.window) - 1) // 2 - before) * jump
        size, jump = window.outputs, jump * window.stride
    stop = start + (np.asarray(size) - 1) * jump + 1
    if np.any(start < 0) or np.any(stop > x.shape[1:3]):
        raise ValueError(_unequal(convs[0].padding))
    return x[:, start[0] : stop[0], start[1] : stop[1]]
