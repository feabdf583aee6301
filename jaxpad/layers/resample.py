"""Layers that change the sampling: blur pooling, patches, resize-convolution."""

from collections.abc import Sequence
from typing import Any, Literal

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Bool, Shaped

from ..conv import blur_pool, patches, resize_conv
from ..conv.arguments import whole, window_of
from ..conv.geometry import per_axis
from ..padding import Padding
from ..typing import Amount, AnyArray, Array, Mode, PerAxis
from .conv import Conv, operands
from .padded import Padded, as_batch


class BlurPool(Padded):
    """`jaxpad.blur_pool` as a layer.

    Args:
        rank: number of space axes.
        strides: cells between windows.
        taps: cells of the binomial window along each axis.
        padding, amount: as in `jaxpad.layers.Conv`.
        features, rngs: as in `jaxpad.layers.MaxPool`.

    Example:
        >>> BlurPool(2)(jnp.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)
    """

    def __init__(
        self,
        rank: int,
        strides: PerAxis = 2,
        *,
        taps: int = 3,
        padding: Mode | Padding = "reflect",
        amount: Amount = "half",
        features: int | None = None,
        rngs: nnx.Rngs | None = None,
    ):
        rank = whole("rank", rank)
        self.strides = per_axis("strides", strides, rank)
        self.window = (whole("taps", taps),) * rank
        self.in_features = features
        self.set_padding(padding, amount, rngs=rngs)

    def __call__(
        self, inputs: Shaped[AnyArray, "*batch_space_channels"]
    ) -> Shaped[Array, "*batch_space_channels_out"]:
        """Pools `[*batch, *space, channels]`, any batch axes."""
        x, batch = as_batch(jnp.asarray(inputs), len(self.strides))
        taps = self.window[0]
        y = blur_pool(x, stride=self.strides, taps=taps, padding=self.drawn())
        return y.reshape(*batch, *y.shape[1:])


class Patches(Padded):
    """`jaxpad.patches` as a layer.

    Args:
        window: taps of the window along each space axis.
        strides: cells between windows.
        dilation: cells between taps.
        padding, amount: as in `jaxpad.layers.Conv`.
        features, rngs: as in `jaxpad.layers.MaxPool`.

    Example:
        >>> Patches((4, 4), 4)(jnp.ones((2, 8, 8, 3))).shape
        (2, 2, 2, 48)
    """

    def __init__(
        self,
        window: Sequence[int],
        strides: PerAxis = 1,
        *,
        dilation: PerAxis = 1,
        padding: Mode | Padding = "zero",
        amount: Amount = "same",
        features: int | None = None,
        rngs: nnx.Rngs | None = None,
    ):
        self.window, self.in_features = window_of("window", window), features
        self.strides = per_axis("strides", strides, len(self.window))
        self.dilation = per_axis("dilation", dilation, len(self.window))
        self.set_padding(padding, amount, rngs=rngs)

    def __call__(
        self, inputs: Shaped[AnyArray, "*batch_space_channels"]
    ) -> Shaped[Array, "*batch_space_taps_channels"]:
        """The patches of `[*batch, *space, channels]`, any batch axes."""
        x, batch = as_batch(jnp.asarray(inputs), len(self.window))
        y = patches(
            x,
            self.window,
            stride=self.strides,
            dilation=self.dilation,
            padding=self.drawn(),
        )
        return y.reshape(*batch, *y.shape[1:])


class ResizeConv(Conv):
    """`jaxpad.resize_conv` as a layer, with `jaxpad.layers.Conv`'s parameters.

    Args:
        in_features, out_features, kernel_size: as in `jaxpad.layers.Conv`.
        scale: output cells for each cell.
        method: "nearest" or "bilinear"; as in `jaxpad.resize_conv`.
        rngs: keys for the initializers, from the stream "params".
        options: the other keyword arguments of `jaxpad.layers.Conv`, without strides
            and strategy.

    Raises:
        TypeError: for strides or a strategy, which it has not.

    Example:
        >>> layer = ResizeConv(3, 8, (3, 3), padding="circular", rngs=nnx.Rngs(0))
        >>> layer(jnp.ones((2, 5, 5, 3))).shape
        (2, 10, 10, 8)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int | Sequence[int],
        scale: PerAxis = 2,
        *,
        method: Literal["nearest", "bilinear"] = "nearest",
        rngs: nnx.Rngs,
        **options: Any,
    ):
        if extra := {"strides", "strategy"} & set(options):
            raise TypeError(
                f"ResizeConv has no {sorted(extra)}: it enlarges by `scale`, and its "
                "convolution takes every cell. Leave them out."
            )
        super().__init__(in_features, out_features, kernel_size, rngs=rngs, **options)
        self.scale = per_axis("scale", scale, len(self.kernel_size))
        self.method: Literal["nearest", "bilinear"] = method

    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        inputs: Shaped[AnyArray, "*batch_space_in"],
        mask: Bool[AnyArray, "*batch_space_one_or_in"] | None = None,
    ) -> Shaped[Array, "*batch_space_out"]:
        """Applies the layer to `[*batch, *space, in_features]`, any batch axes.

        `mask` is true where the input is real, as in `jaxpad.resize_conv`. It takes no
        `Ragged`, of which it would change the lengths.
        """
        (x, kernel, bias), batch = operands(self, inputs)
        if mask is not None:
            mask, _ = as_batch(jnp.asarray(mask), len(self.kernel_size))
        y = resize_conv(
            x,
            kernel,
            scale=self.scale,
            method=self.method,
            dilation=self.kernel_dilation,
            groups=self.feature_group_count,
            padding=self.drawn(),
            bias=bias,
            mask=mask,
            precision=self.precision,
        )
        return y.reshape(*batch, *y.shape[1:])
