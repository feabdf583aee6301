"""The residual networks of this study, with batch norm or with scalars instead."""

import jax.numpy as jnp
from flax import nnx

from jaxpad.layers import Conv
from jaxpad.typing import AnyArray, Array


import os
CH=int(os.environ.get("CH","1"))
WIDTHS = (8, 16) if CH==1 else (16,32)


class Block(nnx.Module):
    """A pre-activated block of two 3x3 convolutions.

    Without batch norm each convolution has a scalar added before and after it, and the
    branch is multiplied by one: "Fixup Initialization" (Zhang, Dauphin, Ma, 2019).
    """

    def __init__(
        self, channels: int, width: int, stride: int, *, norm: bool, rngs: nnx.Rngs
    ):
        self.convs = nnx.List(
            _conv(n, width, 3, s, rngs=rngs) for n, s in ((channels, stride), (width, 1))
        )
        self.projection = nnx.data(None)
        if stride != 1 or channels != width:
            self.projection = _conv(channels, width, 1, stride, rngs=rngs)
        self.norms = nnx.List(
            nnx.BatchNorm(n, momentum=0.9, rngs=rngs) if norm else Shift()
            for n in (channels, width)
        )
        self.shifts = nnx.List([] if norm else [Shift() for _ in range(3)])
        self.scale = nnx.data(None if norm else nnx.Param(jnp.ones(())))

    def __call__(self, x: Array) -> Array:
        y, shifts = x, [*self.shifts] or [lambda y: y] * 3
        for conv, norm, shift in zip(self.convs, self.norms, shifts, strict=False):
            y = conv(shift(nnx.relu(norm(y))))
        y = shifts[2](y if self.scale is None else y * self.scale[...])
        return y + (x if self.projection is None else self.projection(x))


class Shift(nnx.Module):
    """Adds one number."""

    def __init__(self):
        self.value = nnx.Param(jnp.zeros(()))

    def __call__(self, x: Array) -> Array:
        return x + self.value[...]


class Net(nnx.Module):
    """A 3x3 stem, two stages of residual blocks, the mean over space, and a head."""

    def __init__(self, blocks: int, *, norm: bool, rngs: nnx.Rngs):
        self.stem = _conv(CH, WIDTHS[0], 3, 1, rngs=rngs)
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
        self.head = nnx.Linear(last, 10, rngs=rngs)

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
