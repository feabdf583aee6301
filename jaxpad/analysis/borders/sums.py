"""What is added up over the batches of a test set, for curves near the border.

Sums over each batch are made on the device; those over batches in float64 on the host.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from ...typing import AnyArray, Array
from .ring import border_distance, central


# Of each side, what the central rectangle takes: it grows.
PARTS = tuple(k / 10 for k in range(10))
RINGS = 8  # most rings that are hidden, one after another


class Tally(NamedTuple):
    """Sums over answers: how many, how many right, and their loss in nats.

    Attributes:
        count: of images, or of pixels that count.
        correct: likewise.
        loss: cross-entropy.
    """

    count: Any
    correct: Any
    loss: Any


class PixelSums(NamedTuple):
    """Sums over the images of a batch of masks.

    Attributes:
        maps: `[h, w]` each, over the images.
        confusion: int32 `[zones, classes, classes]`, pixels by true class (rows) and
            predicted class. Zone k lies in k of the central rectangles.
    """

    maps: Tally
    confusion: Int[Array, "zones classes classes"]


def class_tally(
    scores: Float[Array, "n classes"],
    labels: Integer[AnyArray, " n"],
    real: Bool[AnyArray, " n"],
) -> Tally:
    """Of images; those that are not real only fill the batch."""
    said = jax.nn.log_softmax(scores.astype(jnp.float32))
    label, real = jnp.asarray(labels).astype(jnp.int32), jnp.asarray(real)
    loss = -jnp.take_along_axis(said, label[:, None], axis=1)[:, 0]
    right = real & (scores.argmax(-1) == label)
    return Tally(
        jnp.sum(real, dtype=jnp.int32),
        jnp.sum(right, dtype=jnp.int32),
        jnp.sum(jnp.where(real, loss, 0)),
    )


def pixel_sums(
    scores: Float[Array, "n h w classes"],
    labels: Integer[AnyArray, "n h w"],
    parts: Sequence[float] = PARTS,
) -> PixelSums:
    """Of pixels; a label that is no class, such as 255, does not count."""
    classes = scores.shape[-1]
    true = jnp.asarray(labels).astype(jnp.int32)
    counted = (true >= 0) & (true < classes)
    chosen, answer = jnp.where(counted, true, 0), scores.argmax(-1).astype(jnp.int32)
    # Left out before the softmax too: 0 times infinity would be NaN.
    used = jnp.where(counted[..., None], scores.astype(jnp.float32), 0)
    said = jnp.take_along_axis(jax.nn.log_softmax(used), chosen[..., None], axis=-1)
    maps = Tally(
        jnp.sum(counted, 0, dtype=jnp.int32),
        jnp.sum(counted & (answer == true), 0, dtype=jnp.int32),
        jnp.sum(jnp.where(counted, -said[..., 0], 0), 0),
    )
    height, width = true.shape[1:]
    zone = jnp.asarray(zones(height, width, parts))[None]
    size = (len(parts) + 1) * classes**2
    cells = (zone * classes + chosen) * classes + answer
    cells = jnp.where(counted, cells, size)  # outside the bins
    bins = jnp.zeros(size, jnp.int32)
    # Image by image, so that devices that share a batch exchange only their counts.
    each = jax.vmap(lambda c: bins.at[c.ravel()].add(1, mode="drop"))(cells)
    confusion = jnp.sum(each, 0, dtype=jnp.int32)
    return PixelSums(maps, confusion.reshape(-1, classes, classes))


def zones(height: int, width: int, parts: Sequence[float]) -> Int[np.ndarray, "h w"]:
    """In how many of the central rectangles each cell lies: they are nested."""
    inside = [central(height, width, part) for part in parts]
    return np.sum(inside, axis=0, dtype=np.int32)


def by_ring(maps: Tally) -> Tally:
    """Sums over the cells at each distance from the border, float64 `[distances]`."""
    distance = border_distance(*np.shape(maps.count)).ravel()
    return Tally(*(np.bincount(distance, np.ravel(each)) for each in maps))


def added(first: Tally | None, second: Tally) -> Tally:
    """Both, in float64; of rings too if one image has more of them than the other."""
    if first is None:
        return Tally(*(np.asarray(x, np.float64) for x in second))
    sums = []
    for a, b in zip(first, second, strict=True):
        total = np.zeros(np.maximum(np.shape(a), np.shape(b)).astype(int))
        for x in (a, b):
            total[tuple(slice(n) for n in np.shape(x))] += np.asarray(x)
        sums.append(total)
    return Tally(*sums)


def hidden(
    images: Float[AnyArray, "n h w c"], seen: Bool[AnyArray, "h w"]
) -> Float[Array, "n h w c"]:
    """Images of which some cells are seen; the others have the image's mean colour.

    Example:
        >>> image = jnp.asarray([1.0, 2.0, 6.0]).reshape(1, 1, 3, 1)
        >>> hidden(image, np.array([[True, False, True]])).ravel()
        Array([1., 3., 6.], dtype=float32)
    """
    x = jnp.asarray(images)
    mean = jnp.mean(x, axis=(1, 2), keepdims=True)
    return jnp.where(jnp.asarray(seen)[None, :, :, None], x, mean)


def looks(
    height: int, width: int, parts: Sequence[float] = PARTS
) -> dict[tuple[str, float], Bool[np.ndarray, "h w"]]:
    """What of an image is seen, where its class is asked for.

    Returns:
        Masks by kind and number: ("distance", d) hides the ring that begins d cells
        from the border, ("border", p) hides the central rectangle that takes the part
        p of each side, and ("centre", p) all but that.
    """
    distance = border_distance(height, width)
    step = -(-(distance.max() + 1) // RINGS)
    found = {
        ("distance", float(d)): (distance < d) | (distance >= d + step)
        for d in range(0, int(distance.max()) + 1, step)
    }
    for part in parts:
        inside = central(height, width, part)
        found["border", part] = ~inside
        if inside.any():
            found["centre", part] = inside
    return found
