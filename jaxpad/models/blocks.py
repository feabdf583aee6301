"""The residual block of every ResNet here."""

import functools
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Shaped

from ..padding import Padding
from ..typing import Array
from .parts import conv, norm as batch_norm, under_windows, unequal


class Block(nnx.Module):
    """A residual block: basic (3x3, 3x3) or bottleneck (1x1, 3x3, 1x1).

    Args:
        in_features: channels of the input.
        width: channels of the 3x3 convolutions; a bottleneck puts out 4 times as many.
        stride: of the first 3x3 convolution.
        bottleneck: whether 1x1 convolutions stand around one 3x3.
        preactivated: norm and relu before each convolution rather than after it.
        widen: factor on the channels of the 3x3 convolutions.
        dilations: of the first 3x3 convolution, and of the second if there is one.
        zero_gamma: whether the last norm's scale starts at zero, so that the block
            starts as its shortcut.
        norm: whether there are batch norms; without, a learned factor that starts at
            zero is on the main branch (SkipInit: De and Smith, 2020).
        momentum: of the batch norms.
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
        widen: int = 1,
        dilations: tuple[int, int] = (1, 1),
        zero_gamma: bool = False,
        norm: bool = True,
        momentum: float = 0.9,
        padding: Padding,
        dtype: Any,
        rngs: nnx.Rngs,
    ):
        inner = width * widen
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        strides = (1, stride, 1) if bottleneck else (stride, 1)
        rates = (1, dilations[0], 1) if bottleneck else dilations
        features = (inner, inner, 4 * width) if bottleneck else (inner, inner)
        inputs = (in_features, *features[:-1])
        self.preactivated = preactivated
        make = functools.partial(conv, padding=padding, dtype=dtype, rngs=rngs)
        make_norm = functools.partial(
            batch_norm, normed=norm, momentum=momentum, dtype=dtype, rngs=rngs
        )
        self.factor = nnx.data(None if norm else nnx.Param(jnp.zeros(())))
        self.convs = nnx.List(map(make, inputs, features, kernels, strides, rates))
        sizes = inputs if preactivated else features
        last = len(sizes) - 1
        self.norms = nnx.List(
            make_norm(size, zero_gamma=zero_gamma and n == last)
            for n, size in enumerate(sizes)
        )
        self.projection, self.projection_norm = nnx.data(None), nnx.data(None)
        if stride != 1 or in_features != features[-1]:
            self.projection = make(in_features, features[-1], 1, stride)
            self.projection_norm = None if preactivated else make_norm(features[-1])

    def __call__(self, x: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        y, shortcut = x, x
        for n, (layer, norm_) in enumerate(zip(self.convs, self.norms, strict=True)):
            if self.preactivated:
                y = nnx.relu(norm_(y))
                # The projection of a pre-activated block sees the activation.
                shortcut = y if n == 0 and self.projection is not None else shortcut
                y = layer(y)
            else:
                y = norm_(layer(y))
                y = y if n == len(self.convs) - 1 else nnx.relu(y)
        shortcut = under_windows(shortcut, self.convs)
        if self.projection is not None:
            shortcut = self.projection(shortcut)
        if self.projection_norm is not None:
            shortcut = self.projection_norm(shortcut)
        if y.shape != shortcut.shape:
            raise ValueError(unequal(self.convs[-1].padding))
        if self.factor is not None:
            y = y * self.factor.astype(y.dtype)
        return y + shortcut if self.preactivated else nnx.relu(y + shortcut)
