"""U-Net, whose padding is named once and whose output has the image's size.

Every 3x3 convolution takes the amount "half". Under "valid" the network is the
published one: the convolutions shrink their maps, the skip connections are cropped to
the pixels under them, and the image is mirrored beyond its border by as many cells as
are lost (the paper's overlap-tile), so that each pixel still has a score.
"U-Net: Convolutional Networks for Biomedical Image Segmentation" (Ronneberger, Fischer
and Brox, 2015).
"""

import functools
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float

from ..arith import side_widths
from ..layers import Conv, ConvTranspose, MaxPool, ResizeConv
from ..padding import Padding, as_padding, per_axis_amounts
from ..registry import Registry
from ..typing import AnyArray, Array, Mode
from .catalogue import MODELS
from .parts import norm as batch_norm, without_border
from .small import or_too_small, smallest_input


# From (in_features, out_features) to a layer that doubles the size of a map.
UPSAMPLES: Registry[Any] = Registry("upsampling")
_kernel_init = nnx.initializers.variance_scaling(2.0, "fan_in", "normal")
# A window that moves by its own size has no border; so modes without adjoint do, too.
_NO_BORDER = Padding(amount="valid")


@UPSAMPLES.register
def transposed(
    in_features: int, out_features: int, *, padding: Padding, dtype: Any, rngs: nnx.Rngs
) -> ConvTranspose:
    """A transposed convolution of 2x2 at stride 2, as published."""
    return ConvTranspose(
        in_features,
        out_features,
        (2, 2),
        2,
        padding=_NO_BORDER,
        dtype=dtype,
        kernel_init=_kernel_init,
        rngs=rngs,
    )


@UPSAMPLES.register
def resized(
    in_features: int, out_features: int, *, padding: Padding, dtype: Any, rngs: nnx.Rngs
) -> ResizeConv:
    """Each cell repeated, then a 3x3 convolution, which meets the border."""
    return ResizeConv(
        in_features,
        out_features,
        (3, 3),
        padding=padding,
        amount="half",
        dtype=dtype,
        kernel_init=_kernel_init,
        rngs=rngs,
    )


class TwoConvs(nnx.Module):
    """Two 3x3 convolutions, each with relu after it.

    Args:
        in_features: channels of the input.
        features: channels of both convolutions.
        norm: whether a batch norm stands before each relu, instead of the bias.
        padding: of the convolutions.
        dtype: of the computation.
        rngs: keys for the initializers.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        *,
        norm: bool,
        padding: Padding,
        dtype: Any,
        rngs: nnx.Rngs,
    ):
        make = functools.partial(
            Conv,
            kernel_size=(3, 3),
            padding=padding,
            amount="half",
            use_bias=not norm,
            dtype=dtype,
            kernel_init=_kernel_init,
            rngs=rngs,
        )
        self.convs = nnx.List([make(in_features, features), make(features, features)])
        norms = range(2 if norm else 0)
        self.norms = nnx.List(
            [batch_norm(features, dtype=dtype, rngs=rngs) for _ in norms]
        )

    def __call__(self, x: Array) -> Array:
        for n, conv in enumerate(self.convs):
            x = conv(x)
            x = nnx.relu(self.norms[n](x) if self.norms else x)
        return x


class UNet(nnx.Module):
    """Two convolutions a level on the way down, and on the way up beside the skip.

    Args:
        channels: channels of the image.
        classes: outputs for each pixel.
        width: channels of the first level; each level below has twice as many.
        depth: levels below the first.
        norm: whether batch norms stand before the relus, which the paper has not.
        upsample: a name in `UPSAMPLES`, or a function like those.
        padding: of every convolution and pool; a name in `jaxpad.PADDINGS`, a mode,
            or a `jaxpad.Padding`. Pools add a cell after a map of odd size.
        dtype: of the computation; parameters and statistics stay float32.
        rngs: keys for the initializers.

    Raises:
        ValueError: for an unknown padding, or an amount by which 3x3 convolutions
            neither keep the size of a map nor lose one cell on each side.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        width: int = 64,
        depth: int = 4,
        norm: bool = True,
        upsample: Any = "transposed",
        padding: Mode | Padding = "zero",
        dtype: Any = None,
        rngs: nnx.Rngs,
    ):
        spec = as_padding(padding)
        options: Any = {"padding": spec, "dtype": dtype, "rngs": rngs}
        convs = functools.partial(TwoConvs, norm=norm, **options)
        enlarge = UPSAMPLES.resolve(upsample)
        widths = [width * 2**level for level in range(depth + 1)]
        inputs = [channels, *widths]
        self.down = nnx.List(map(convs, inputs, widths))
        self.pools = nnx.List([_pool(features, spec, rngs) for features in widths[:-1]])
        above = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.enlarge = nnx.List([enlarge(*features, **options) for features in above])
        self.up = nnx.List([convs(*features) for features in above])
        self.head = Conv(
            width, classes, (1, 1), padding=without_border(spec), dtype=dtype, rngs=rngs
        )
        self.channels = channels
        self._lost()  # raises now for an amount that no size fits

    def __call__(
        self, x: Float[AnyArray, "batch height width channels"]
    ) -> Float[Array, "batch height width classes"]:
        """Class scores of each pixel.

        Raises:
            ValueError: if the image is too small for the padding; it names the
                smallest square image that is not.
        """
        with or_too_small(
            x,
            lambda: smallest_input(self, UNet._scores, self.channels),
            self.down[0].convs[0].padding,
            "a smaller depth",
        ):
            return self._scores(jnp.asarray(x))

    def _scores(self, x: Array) -> Array:
        height, width = x.shape[1:3]
        x, skips = self._mirrored(x), []
        for convs, pool in zip(self.down, self.pools, strict=False):
            skips.append(convs(x))
            x = pool(skips[-1])
        x = self.down[-1](x)
        for enlarge, convs in zip(self.enlarge, self.up, strict=True):
            x = convs(_beside(skips.pop(), enlarge(x)))
        return self.head(x)[:, :height, :width]

    def _mirrored(self, x: Array) -> Array:
        """The image with what the convolutions will lose; by mode "half" as it is."""
        widths = [
            self._tile(n) if lost else (0, 0)
            for n, lost in zip(x.shape[1:3], self._lost(), strict=True)
        ]
        if not any(map(any, widths)):
            return x
        # Not jaxpad.pad, which refuses to fold a small image more than once.
        return jnp.pad(x, [(0, 0), *widths, (0, 0)], mode="reflect")

    def _tile(self, size: int) -> tuple[int, int]:
        """The cells before and after an axis from which `size` pixels get a score.

        A map of r cells at the bottom makes `2^depth r - lost` scores, from an image
        of `2^depth r + seen` pixels, whose maps are even before each pool.
        """
        lost, seen = 0, 4
        for layer in self.enlarge:
            lost = 2 * lost + 4 + 2 * isinstance(layer, ResizeConv)
            seen = 2 * seen + 4
        scale = 2 ** len(self.enlarge)
        bottom = -(-(size + lost) // scale)
        before = (lost + seen) // 2
        return before, scale * bottom + seen - size - before

    def _lost(self) -> list[int]:
        """The cells on each side of either axis that a 3x3 convolution loses."""
        amount = self.down[0].convs[0].amount
        pairs = [side_widths(a, 8, 3) for a in per_axis_amounts(amount, 2)]
        if any(sum(pair) not in (0, 2) for pair in pairs):
            raise ValueError(
                f"U-Net: by amount={amount!r} a 3x3 convolution adds {pairs} cells, "
                "and its maps would not fit those that they are joined with. Use the "
                'amount "half", which keeps their size, or "valid".'
            )
        return [1 - sum(pair) // 2 for pair in pairs]


def _pool(features: int, padding: Padding, rngs: nnx.Rngs) -> MaxPool:
    # Only a map of odd size has a border here, and "half" would move the windows.
    padding = Padding(padding.mode, "same", padding.reweight)
    return MaxPool((2, 2), 2, padding=padding, features=features, rngs=rngs)


def _beside(skip: Array, x: Array) -> Array:
    """Both maps in one, with the pixels that both have.

    The enlarged map has a cell too many after an odd one, and under "valid" fewer
    than the skip on both sides.
    """
    x = x[:, : skip.shape[1], : skip.shape[2]]
    top, left = ((skip.shape[axis] - x.shape[axis]) // 2 for axis in (1, 2))
    skip = skip[:, top : top + x.shape[1], left : left + x.shape[2]]
    return jnp.concatenate([skip, x], axis=-1)


@MODELS.register
def unet(channels: int, classes: int, **options) -> UNet:
    """U-Net, 31.0 million parameters; the options are `UNet`'s."""
    return UNet(channels, classes, **options)
