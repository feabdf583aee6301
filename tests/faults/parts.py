"""A data set and models in which something goes wrong at a known place."""

import collections
import dataclasses
import os
import time

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxpad.data import DATASETS, Dataset
from jaxpad.data.records import Record, Source
from tests.train.tiny import Linear


READ: collections.Counter[tuple[str, int]] = collections.Counter()
MARKED = 7  # the number of the training record whose image is white


@dataclasses.dataclass(frozen=True)
class Slow:
    """Records, one of which takes as many seconds as the environment says."""

    source: Source
    number: int
    variable: str

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Record:
        record = self.source[index]
        READ[self.variable, index] += 1
        # A job reads each test record once when it is built.
        at = 2 if self.variable == "SLOW_TEST" else 1
        if index == self.number and READ[self.variable, index] >= at:
            time.sleep(float(os.environ.get(self.variable, "0")))
        if self.variable == "SLOW_TRAIN" and index == MARKED:
            record = dataclasses.replace(record, image=np.full_like(record.image, 255))
        return record

    def fingerprint(self) -> str:
        return self.source.fingerprint()


def digits() -> Dataset:
    """The digits; one is white, one slow to read, and so is one of the test."""
    found = DATASETS["digits"]()
    train, test = (
        Slow(found.train, 11, "SLOW_TRAIN"),
        Slow(found.test, 200, "SLOW_TEST"),
    )
    return dataclasses.replace(found, name="faulty", train=train, test=test)


def marked(images: jax.Array) -> jax.Array:
    """Which images are white."""
    return images.mean((1, 2, 3)) > 0.999


class BadLoss(Linear):
    """Its scores of a white image are NaN."""

    def __call__(self, images: jax.Array) -> jax.Array:
        wrong = jnp.where(marked(images), jnp.nan, 0.0)
        return super().__call__(images) + wrong[:, None]


class AlwaysBad(Linear):
    """Its scores are NaN."""

    def __call__(self, images: jax.Array) -> jax.Array:
        return super().__call__(images) * jnp.nan


class BadGradient(Linear):
    """Its scores are finite; the gradient of a white image's is NaN."""

    def __call__(self, images: jax.Array) -> jax.Array:
        nothing = 0 * self.scores.kernel[0, 0]
        root = jnp.sqrt(jnp.where(marked(images), nothing, 1.0))
        return super().__call__(images) + root[:, None]


class BadStatistic(Linear):
    """Only what it notes of a white image is infinite."""

    def __init__(self, channels: int, classes: int, **options):
        super().__init__(channels, classes, **options)
        self.noted = nnx.BatchStat(jnp.zeros(()))

    def __call__(self, images: jax.Array) -> jax.Array:
        worst = jnp.where(marked(images), jnp.inf, 0.0).max()
        self.noted[...] = jax.lax.stop_gradient(self.noted[...] + worst)
        return super().__call__(images)


class Sleepy(Linear):
    """A step of it takes a minute."""

    def __call__(self, images: jax.Array) -> jax.Array:
        def sleep(x):
            time.sleep(60)
            return x

        like = jax.ShapeDtypeStruct((), jnp.float32)
        zero = jax.pure_callback(sleep, like, jnp.zeros(()))
        return super().__call__(images) + jax.lax.stop_gradient(zero)


class TooLarge(Linear):
    """A step of it needs more memory than a program can address: 256 TiB."""

    def __call__(self, images: jax.Array) -> jax.Array:
        side = 2**23
        huge = jnp.broadcast_to(images.mean() + jnp.arange(float(side)), (side, side))
        most = jnp.sort(jax.lax.stop_gradient(huge), axis=0)[0].max()
        return super().__call__(images) + most
