"""A model that compiles in no time, and jobs of it."""

import functools
from typing import Any

import jax
from flax import nnx

from jaxpad.layers import Conv
from jaxpad.train import Job, build

from .jobs import small_config


class Linear(nnx.Module):
    """Scores that are linear in the pixels."""

    def __init__(self, channels: int, classes: int, *, padding, dtype, rngs):
        self.scores = nnx.Linear(64 * channels, classes, dtype=dtype, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        return self.scores(images.reshape(images.shape[0], -1))


def tiny_config(**changes: Any) -> Any:
    """Of 22 steps, with a test every 11."""
    own = {"model": f"{__name__}:Linear", "trackers": (), "augment": ()}
    return small_config(**(own | changes))


@functools.cache
def tiny_job() -> Job:
    return build(tiny_config())


class Shallow(nnx.Module):
    """One convolution, and scores of classes from its mean or, `dense`, of pixels."""

    def __init__(
        self, channels: int, classes: int, *, padding, dtype, rngs, dense: bool = False
    ):
        common: Any = {"padding": padding, "amount": "half", "dtype": dtype}
        out = classes if dense else 8
        self.conv = Conv(channels, out, (3, 3), **common, rngs=rngs)
        self.head = None if dense else nnx.Linear(8, classes, dtype=dtype, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        x = self.conv(images)
        return x if self.head is None else self.head(nnx.relu(x).mean((1, 2)))
