"""Segmentation: the loss of a batch, and its counts, from which every figure follows.

One integer confusion matrix over the whole set, int32 a batch on the device and int64
on the host, is exact whatever the batches: means over images or batches are not.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from ..data import IGNORE
from ..typing import AnyArray, Array


class Segmentation(NamedTuple):
    """What was found over a set of masks.

    Attributes:
        confusion: int64 counts of pixels by true class (rows) and predicted class.
            Classes with no true pixel count in no mean, and have no figure (NaN).
        loss: mean cross-entropy of the pixels that count, nats.
        images: how many images there were.
        examples: by record number, the predicted mask of some.

    Example:
        >>> found = Segmentation(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))
        >>> found.class_iou
        array([0.75, 0.8 , nan])
        >>> round(found.mean_iou, 3), found.pixel_accuracy, found.mean_accuracy
        (0.775, 0.875, 0.875)
    """

    confusion: Int[np.ndarray, "classes classes"]
    loss: float = float("nan")
    images: int = 0
    examples: Mapping[int, np.ndarray] = MappingProxyType({})

    def figures(self) -> dict[str, float]:
        """What is logged."""
        return {
            "loss": self.loss,
            "miou": self.mean_iou,
            "accuracy": self.pixel_accuracy,
        }

    def trivial(self) -> dict[str, float]:
        """The figures of the best answer that is the same for every pixel."""
        true = self.confusion.sum(1)
        said = np.zeros_like(self.confusion)
        said[:, true.argmax()] = true
        figures = Segmentation(said).figures()
        return {name: figures[name] for name in ("miou", "accuracy")}

    @property
    def class_iou(self) -> Float[np.ndarray, " classes"]:
        """Of each class, pixels that both call so by pixels that one calls so."""
        both = self._true + self.confusion.sum(0) - self.confusion.diagonal()
        return self._by(both)

    @property
    def class_accuracy(self) -> Float[np.ndarray, " classes"]:
        """Of each class, the part of its pixels that are found."""
        return self._by(self._true)

    @property
    def mean_iou(self) -> float:
        """Mean of `class_iou`; NaN if no pixel counts."""
        return self._mean(self.class_iou)

    @property
    def mean_accuracy(self) -> float:
        """Mean of `class_accuracy`; NaN if no pixel counts."""
        return self._mean(self.class_accuracy)

    @property
    def pixel_accuracy(self) -> float:
        """The part of all pixels that are right; NaN if no pixel counts."""
        total = int(self.confusion.sum())
        return int(np.trace(self.confusion)) / total if total else float("nan")

    @property
    def _true(self) -> np.ndarray:
        return self.confusion.sum(1)

    def _by(self, counts: np.ndarray) -> np.ndarray:
        there = self._true > 0
        hits = self.confusion.diagonal()
        return np.where(there, hits / np.where(there, counts, 1), np.nan)

    def _mean(self, figures: np.ndarray) -> float:
        there = self._true > 0
        return float(figures[there].mean()) if there.any() else float("nan")


def confusion(
    predictions: Integer[Array, "batch h w"],
    labels: Integer[AnyArray, "batch h w"],
    real: Bool[AnyArray, " batch"],
    *,
    classes: int,
) -> Int[Array, "classes classes"]:
    """Pixels by true class (rows) and predicted class (columns), int32.

    Images are counted one by one and then summed, so that under a sharded jit the
    devices exchange only their counts.

    Args:
        predictions: 0 to classes - 1.
        labels: likewise; 255 and everything else that is no class does not count.
        real: False for images that only fill the batch.
        classes: number of classes, at most 255.

    Returns:
        `[classes, classes]`.

    Raises:
        ValueError: for more classes than labels below 255.

    Example:
        >>> said, true = jnp.asarray([[[0, 1]]]), jnp.asarray([[[1, 255]]])
        >>> confusion(said, true, jnp.asarray([True]), classes=2)
        Array([[0, 0],
               [1, 0]], dtype=int32)
    """
    if not 1 <= classes <= IGNORE:
        raise ValueError(
            f"classes={classes}: expected 1 to {IGNORE}, for {IGNORE} is the label of "
            "pixels that do not count."
        )
    true = jnp.asarray(labels).astype(jnp.int32)
    counted = (true >= 0) & (true < classes) & jnp.asarray(real)[:, None, None]
    # What does not count falls outside the bins.
    cells = jnp.where(counted, true * classes + predictions, classes**2)
    bins = jnp.zeros(classes**2, jnp.int32)
    counts = jax.vmap(lambda c: bins.at[c.ravel()].add(1, mode="drop"))(cells)
    return jnp.sum(counts, 0, dtype=jnp.int32).reshape(classes, classes)


def cross_entropy(
    logits: Float[Array, "batch h w classes"],
    labels: Integer[AnyArray, "batch h w"],
) -> Float[Array, ""]:
    """Mean of -log p(label) over the pixels that count, nats; 0 if none does.

    Args:
        logits: of each pixel; the computation is in float32.
        labels: 0 to classes - 1, or 255 where a pixel does not count.

    Returns:
        A float32 scalar.

    Example:
        >>> float(cross_entropy(jnp.zeros((1, 2, 2, 3)), jnp.full((1, 2, 2), 255)))
        0.0
    """
    real = jnp.ones(len(labels), bool)
    total, count = cross_entropy_sum(logits, labels, real)
    return total / jnp.maximum(count, 1).astype(total.dtype)


def cross_entropy_sum(
    logits: Float[Array, "batch h w classes"],
    labels: Integer[AnyArray, "batch h w"],
    real: Bool[AnyArray, " batch"],
) -> tuple[Float[Array, ""], Int[Array, ""]]:
    """The sum of -log p(label), and over how many pixels; for exact means of a set."""
    true = jnp.asarray(labels).astype(jnp.int32)
    counted = (true != IGNORE) & jnp.asarray(real)[:, None, None]
    chosen = jnp.where(counted, true, 0)[..., None]
    # Left out before the softmax too: 0 times an infinite slope would be NaN.
    used = jnp.where(counted[..., None], logits.astype(jnp.float32), 0)
    scores = jax.nn.log_softmax(used)
    said = jnp.take_along_axis(scores, chosen, axis=-1)[..., 0]
    return -jnp.sum(jnp.where(counted, said, 0)), jnp.sum(counted, dtype=jnp.int32)
