"""Networks with all that the large ones have, and fewer of it to compile."""

import jax
from flax import nnx

from jaxpad.layers import Conv
from jaxpad.models import ResNet


class OneConv(nnx.Module):
    """A convolution, a batch norm and a head."""

    def __init__(self, channels: int, classes: int, *, padding, dtype, rngs):
        options = {"dtype": dtype, "rngs": rngs}
        self.conv = Conv(channels, 4, (3, 3), padding=padding, **options)
        self.norm = nnx.BatchNorm(4, **options)
        self.head = nnx.Linear(4, classes, **options)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.head(nnx.relu(self.norm(self.conv(x))).mean((1, 2)))


def resnet8(channels: int, classes: int, **options) -> ResNet:
    """A ResNet-20 with one block in each stage."""
    return ResNet(channels, classes, blocks=(1, 1, 1), width=4, small=True, **options)


def encoder(channels: int, classes: int | None, **options) -> ResNet:
    """A ResNet-18 with one block in each stage, two in the last for the multi-grid."""
    return ResNet(channels, classes, blocks=(1, 1, 1, 2), width=4, **options)
