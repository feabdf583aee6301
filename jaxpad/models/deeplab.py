"""DeepLabV3+, whose padding is named once and whose output has the image's size.

A ResNet whose last strides are dilations, the atrous pyramid on its last map, and a
decoder that refines the enlarged pyramid with the map of stride 4. The maps are
enlarged on the sampling grid of the convolutions, under the same padding, so that
under "circular" a network commutes with shifts by its output stride.
"Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation"
(Chen, Zhu, Papandreou, Schroff and Adam, 2018); its convolutions here are not
separable, which is the paper's ResNet variant.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float

from ..layers import Conv
from ..padding import Padding, as_padding
from ..typing import AnyArray, Array, Mode
from .catalogue import MODELS
from .enlarge import Enlarge
from .parts import without_border
from .pyramid import AtrousPyramid, ConvNorm
from .small import or_too_small, smallest_input


# The amounts by which a window keeps the size of a map whatever its dilation.
_KEEP = ("half", "same", "same_lower", "causal")
_LOW_FEATURES, _LOW_STRIDE = 48, 4


class DeepLabV3Plus(nnx.Module):
    """An encoder with dilations, the atrous pyramid, and a decoder.

    Args:
        channels: channels of the image.
        classes: outputs for each pixel.
        encoder: a name in `MODELS`, such as "resnet101", or a function like those:
            one with `features`, of which one map has the stride 4.
        output_stride: pixels from one cell of the encoder's last map to the next.
        multi_grid: factors on the dilations of the last stage's blocks, or None.
        rates: dilations of the pyramid at output stride 16; at 8 they are doubled.
        features: channels of the pyramid and of the decoder.
        dropout: share of the pyramid's numbers that are dropped in training.
        norm: whether there are batch norms; False is passed on to the encoder.
        padding: of every convolution and pool, and between the cells of a map that is
            enlarged; a name in `jaxpad.PADDINGS`, a mode, or a `jaxpad.Padding`.
        dtype: of the computation; parameters and statistics stay float32.
        rngs: keys for the initializers, and for the dropout.

    Raises:
        ValueError: for an unknown padding or encoder, an amount that changes the size
            of a map, or an output stride that the encoder does not pass.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        encoder: Any = "resnet50",
        output_stride: int = 16,
        multi_grid: Sequence[int] | None = (1, 2, 4),
        rates: Sequence[int] = (6, 12, 18),
        features: int = 256,
        dropout: float = 0.1,
        norm: bool = True,
        padding: Mode | Padding = "zero",
        dtype: Any = None,
        rngs: nnx.Rngs,
    ):
        spec = as_padding(padding)
        options: Any = {"padding": spec, "dtype": dtype, "rngs": rngs}
        self.rates = tuple(rate * 16 // output_stride for rate in rates)
        self._check_amount("half" if spec.amount is None else spec.amount)
        self.encoder = MODELS.resolve(encoder)(
            channels,
            None,
            output_stride=output_stride,
            multi_grid=multi_grid,
            **({} if norm else {"norm": False}),
            **options,
        )
        low = self.encoder.feature_channels[self._low]
        block = functools.partial(ConvNorm, norm=norm, **options)
        self.pyramid = AtrousPyramid(
            self.encoder.feature_channels[-1],
            features,
            self.rates,
            dropout=dropout,
            norm=norm,
            **options,
        )
        scale = output_stride // _LOW_STRIDE
        self.enlarge = Enlarge(scale, padding=spec, features=features, rngs=rngs)
        self.low = block(low, _LOW_FEATURES, 1)
        self.decoder = nnx.List(
            [block(features + _LOW_FEATURES, features, 3), block(features, features, 3)]
        )
        self.head = Conv(
            features,
            classes,
            (1, 1),
            padding=without_border(spec),
            dtype=dtype,
            rngs=rngs,
        )
        self.enlarge_scores = Enlarge(
            _LOW_STRIDE, padding=spec, features=classes, rngs=rngs
        )

    def __call__(
        self, x: Float[AnyArray, "batch height width channels"]
    ) -> Float[Array, "batch height width classes"]:
        """Class scores of each pixel.

        Raises:
            ValueError: if the image is too small for the padding; it names the
                smallest square image that is not.
        """
        self._check_amount(self.encoder.padding.amount)
        with or_too_small(
            x,
            lambda: smallest_input(self, DeepLabV3Plus._scores, self.encoder.channels),
            self.encoder.padding,
            f"smaller rates than {self.rates} in cells of the last map",
        ):
            return self._scores(jnp.asarray(x))

    def _scores(self, x: Array) -> Array:
        # Not `features`, which would search for the size that suits the encoder alone.
        maps = self.encoder._features(x)
        low = self.low(maps[self._low])
        y = self.enlarge(self.pyramid(maps[-1]), low.shape[1:3])
        y = jnp.concatenate([low, y], axis=-1)
        for block in self.decoder:
            y = block(y)
        return self.enlarge_scores(self.head(y), x.shape[1:3])

    @property
    def _low(self) -> int:
        """The number of the encoder's map of stride 4."""
        return self.encoder.feature_strides.index(_LOW_STRIDE)

    def _check_amount(self, amount: Any) -> None:
        if amount not in _KEEP:
            raise ValueError(
                f"DeepLabV3+: by amount={amount!r} its convolutions change the size of "
                f"a map, each rate of the pyramid {self.rates} by another number of "
                "cells, so that its branches would not lie side by side, nor the "
                'output over the image. Use the amount "half", or the model "unet", '
                'which takes "valid".'
            )


@MODELS.register
def deeplabv3plus(channels: int, classes: int, **options) -> DeepLabV3Plus:
    """DeepLabV3+ on a ResNet-50, 40.4 million parameters; `DeepLabV3Plus`'s options."""
    return DeepLabV3Plus(channels, classes, **options)
