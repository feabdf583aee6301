"""The atrous pyramid: a map seen through windows of several widths at once."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Shaped

from ..padding import Padding
from ..typing import Array
from .parts import conv, norm as batch_norm


class ConvNorm(nnx.Module):
    """A convolution, a batch norm and relu.

    Args:
        in_features: channels of the input.
        features: channels of the output.
        kernel: taps of the window along each axis.
        dilation: cells between taps.
        norm: whether there is a norm; without, a learned shift is in its place.
        padding: of the convolution.
        dtype: of the computation.
        rngs: keys for the initializers.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        kernel: int,
        dilation: int = 1,
        *,
        norm: bool = True,
        padding: Padding,
        dtype: Any,
        rngs: nnx.Rngs,
    ):
        self.conv = conv(
            in_features,
            features,
            kernel,
            dilation=dilation,
            padding=padding,
            dtype=dtype,
            rngs=rngs,
        )
        self.norm = batch_norm(features, normed=norm, dtype=dtype, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return nnx.relu(self.norm(self.conv(x)))


class AtrousPyramid(nnx.Module):
    """Windows of 1x1 and of 3x3 at each rate, and the image's mean, side by side.

    A projection makes `features` channels of them, some of which are dropped in
    training. "Rethinking Atrous Convolution for Semantic Image Segmentation" (Chen,
    Papandreou, Schroff and Adam, 2017).

    Args:
        in_features: channels of the input.
        features: channels of each branch and of the output.
        rates: dilations of the 3x3 windows, in cells.
        dropout: share of the output's numbers that are dropped in training.
        norm: whether there are batch norms.
        padding: of the convolutions.
        dtype: of the computation.
        rngs: keys for the initializers, and for what is dropped.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        rates: Sequence[int],
        *,
        dropout: float,
        norm: bool = True,
        padding: Padding,
        dtype: Any,
        rngs: nnx.Rngs,
    ):
        options: Any = {"norm": norm, "padding": padding, "dtype": dtype, "rngs": rngs}
        self.point = ConvNorm(in_features, features, 1, **options)
        self.atrous = nnx.List(
            [ConvNorm(in_features, features, 3, rate, **options) for rate in rates]
        )
        self.pooled = ConvNorm(in_features, features, 1, **options)
        branches = len(self.atrous) + 2
        self.project = ConvNorm(branches * features, features, 1, **options)
        self.dropout = nnx.Dropout(dropout, rngs=rngs)

    def __call__(
        self, x: Shaped[Array, "batch h w channels"]
    ) -> Shaped[Array, "batch h w features"]:
        branches = [self.point(x), *(branch(x) for branch in self.atrous)]
        mean = self.pooled(jnp.mean(x, axis=(1, 2), keepdims=True))
        branches.append(jnp.broadcast_to(mean, branches[0].shape))
        return self.dropout(self.project(jnp.concatenate(branches, axis=-1)))
