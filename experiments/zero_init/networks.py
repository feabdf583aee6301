"""The residual networks of this study, with batch norm or with scalars instead."""

import functools

import jax.numpy as jnp
from flax import nnx

from jaxpad.layers import Conv
from jaxpad.typing import AnyArray, Array


CHANNELS, WIDTHS, CLASSES = 4, (8, 16), 10


class Block(nnx.Module):
    """A pre-activated block of two 3x3 convolutions.

    Without batch norm each convolution has a scalar added before and after it, and the
    branch is multiplied by one: "Fixup Initialization" (Zhang, Dauphin, Ma, 2019).
    """

    def __init__(
        self, channels: int, width: int, stride: int, *, norm: bool, rngs: nnx.Rngs
    ):
        self.convs = nnx.List(
            _conv(n, width, 3, s, rngs=rngs)
            for n, s in ((channels, stride), (width, 1))
        )
        self.projection = nnx.data(None)
        if stride != 1 or channels != width:
            self.projection = _conv(channels, width, 1, stride, rngs=rngs)
        make = functools.partial(nnx.BatchNorm, momentum=0.9, rngs=rngs)
        features = (channels, width)
        self.norms = nnx.List(make(n) if norm else Shift() for n in features)
        self.shifts = nnx.List(nnx.data(None) if norm else Shift() for _ in features)
        self.scale = nnx.data(None if norm else nnx.Param(jnp.ones(())))
        self.bias = nnx.data(None if norm else nnx.Param(jnp.zeros(())))

    def __call__(self, x: Array) -> Array:
        y = x
        for conv, norm, shift in zip(self.convs, self.norms, self.shifts, strict=True):
            y = nnx.relu(norm(y))
            y = conv(y if shift is None else shift(y))
        if self.scale is not None:
            y = y * self.scale[...] + self.bias[...]
        return y + (x if self.projection is None else self.projection(x))


class Shift(nnx.Module):
    """Adds one number."""

    def __init__(self):
        self.value = nnx.Param(jnp.zeros(()))

    def __call__(self, x: Array) -> Array:
        return x + self.value[...]


class Net(nnx.Module):
    """A 3x3 stem, two stages of residual blocks, the mean over space, and a head.

    The first block of the second stage has stride 2 and twice the width.

    Args:
        blocks: of each stage; there are `4 * blocks + 2` layers.
        norm: batch norm, or scalars.
        rngs: keys for initial values.
    """

    def __init__(self, blocks: int, *, norm: bool, rngs: nnx.Rngs):
        self.stem = _conv(CHANNELS, WIDTHS[0], 3, 1, rngs=rngs)
        self.blocks = nnx.List(
            Block(
                WIDTHS[max(0, stage - (n == 0))],
                width,
                2 if stage and n == 0 else 1,
                norm=norm,
                rngs=rngs,
            )
            for stage, width in enumerate(WIDTHS)
            for n in range(blocks)
        )
        last = WIDTHS[-1]
        self.norm = nnx.BatchNorm(last, momentum=0.9, rngs=rngs) if norm else Shift()
        self.head = nnx.Linear(last, CLASSES, rngs=rngs)

    def __call__(self, images: AnyArray) -> Array:
        x = self.stem(jnp.asarray(images))
        for block in self.blocks:
            x = block(x)
        return self.head(nnx.relu(self.norm(x)).mean(axis=(1, 2)))


def _conv(features: int, width: int, kernel: int, stride: int, *, rngs: nnx.Rngs):
    return Conv(
        features,
        width,
        (kernel, kernel),
        stride,
        amount="half",
        use_bias=False,
        rngs=rngs,
    )
