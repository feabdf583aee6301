"""Jitted functions of a run's state that look at test images near their borders."""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ...analysis.borders import under_padding
from ...analysis.borders.maps import magnitude_sums
from ...analysis.borders.shift import rolled, steadiness
from ...analysis.borders.sums import (
    PixelSums,
    Tally,
    class_tally,
    hidden,
    pixel_sums,
)
from ...conv import split_image
from ...data import IGNORE, Batch
from ...sharding import replicated, under
from ...typing import Array
from ..build import Job
from ..state import TrainState
from ..step import to_float
from ..tasks import check_scores


class Seen(NamedTuple):
    """What one look at a batch says.

    Attributes:
        sums: of classes or of pixels.
        steady: how many answers count, how many are as at first, how many right.
        answer: `[batch]` or `[batch, h, w]`.
    """

    sums: Tally | PixelSums
    steady: tuple[Array, Array, Array]
    answer: Array


def seeing(job: Job, padding: str | None = None) -> Callable[..., Seen]:
    """From (state, batch, seen, pixels, first) to what the model says of the batch.

    Args:
        job: of the run.
        padding: that the model is under; None is its own.

    Returns:
        A jitted function. `seen` is the mask of what is shown, `pixels` how far images
        are rolled, `first` the answers to compare with. One that cannot be traced
        raises a ValueError.
    """
    crossing = job.crossing
    assert crossing is not None

    def scores(state: TrainState, images: Array) -> Array:
        def model(x: Array) -> Array:
            net = job.model(state)
            if padding is not None:
                net: Any = under_padding(net, padding, like=crossing.usual)
            return net(split_image(x))

        return crossing.predict(model, job.normalize(images)).astype(jnp.float32)

    def see(
        state: TrainState, batch: Batch, seen: Array, pixels: Array, first: Array
    ) -> Seen:
        images = hidden(to_float(batch["image"]), seen)
        found = scores(state, rolled(images, pixels))
        label = jnp.asarray(batch["label"]).astype(jnp.int32)
        real: Any = jnp.asarray(batch["real"])
        check_scores(found.shape, label.shape, job.dataset)
        if label.ndim == 1:
            sums, counted = class_tally(found, label, real), real
        else:
            found = rolled(found, -pixels)
            label = jnp.where(real[:, None, None], label, IGNORE)
            sums = pixel_sums(found, label)
            counted = (label >= 0) & (label < found.shape[-1])
        answer = found.argmax(-1).astype(jnp.int32)
        return Seen(sums, steadiness(answer, first, label, counted), answer)

    return _jitted(job, see, 4)


def mapping(job: Job, layers: Collection[str]) -> Callable[..., dict[str, Array]]:
    """From (state, batch, blank) to sums of each layer's magnitudes over the batch.

    Args:
        job: of the run.
        layers: which.

    Returns:
        A jitted function; if `blank`, the network sees zeros instead of the images.
    """

    def look(state: TrainState, batch: Batch, blank: Array) -> dict[str, Array]:
        images = job.normalize(to_float(batch["image"]))
        shown = split_image(jnp.where(blank, 0, images))
        return magnitude_sums(job.model(state), shown, batch["real"], layers)

    return _jitted(job, look, 2)


def _jitted(job: Job, function: Callable[..., Any], rest: int) -> Callable[..., Any]:
    """A function of the state, and of other arguments as they lie."""
    placed = job.placement
    return jax.jit(
        under(placed.mesh, function),
        in_shardings=(placed.shardings, *[None] * rest),
        out_shardings=replicated(placed.mesh),
    )
