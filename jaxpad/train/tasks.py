"""What differs between classification and segmentation, in one table."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ..data import Batch, Dataset
from ..typing import Array
from . import segmentation
from .evaluate import evaluate, evaluate_masks


class Task(NamedTuple):
    """The functions of a task.

    Attributes:
        targets: from (labels, classes) to what augmentations and the loss see.
        loss: from (scores, targets, label smoothing) to the mean loss, and over how
            much it is the mean: images, or pixels that count.
        accuracy: from (scores, targets) to the part that is right.
        said: from (scores, batch) to what an evaluation takes from the device.
        evaluate: from (step, batches) to an evaluation of the real examples.
        headline: the figure of an evaluation that a run is judged by.
        models: some that are for it.
    """

    targets: Callable[[Array, int], Array]
    loss: Callable[[Array, Array, float], tuple[Array, Array]]
    accuracy: Callable[[Array, Array], Array]
    said: Callable[[Array, Batch], Any]
    evaluate: Callable[..., Any]
    headline: str
    models: str


def _class_loss(scores: Array, targets: Array, smoothing: float) -> tuple[Array, Array]:
    targets = optax.smooth_labels(targets, smoothing)
    losses = optax.softmax_cross_entropy(scores, targets)
    return losses.mean(), jnp.asarray(len(losses), jnp.float32)


def _class_accuracy(scores: Array, targets: Array) -> Array:
    return jnp.mean(scores.argmax(-1) == targets.argmax(-1))


def _class_said(scores: Array, batch: Batch) -> Array:
    return jax.nn.log_softmax(scores)


def _pixel_loss(scores: Array, targets: Array, smoothing: float) -> tuple[Array, Array]:
    counted = targets != segmentation.IGNORE
    loss = segmentation.cross_entropy(scores, targets)
    return loss, counted.sum(dtype=jnp.float32)


def _pixel_accuracy(scores: Array, targets: Array) -> Array:
    counted = targets != segmentation.IGNORE
    right = counted & (scores.argmax(-1) == targets)
    return right.sum() / jnp.maximum(counted.sum(), 1)


def _pixel_said(scores: Array, batch: Batch) -> dict[str, Array]:
    said = scores.argmax(-1)
    label, real = batch["label"], batch["real"]
    loss, count = segmentation.cross_entropy_sum(scores, label, real)
    classes = scores.shape[-1]
    return {
        "confusion": segmentation.confusion(said, label, real, classes=classes),
        "loss": loss,
        "count": count,
        "prediction": said.astype(jnp.uint8),
    }


TASKS = {
    "classification": Task(
        targets=jax.nn.one_hot,
        loss=_class_loss,
        accuracy=_class_accuracy,
        said=_class_said,
        evaluate=evaluate,
        headline="accuracy",
        models="'resnet50', 'convnext_tiny' or 'vit_s_16'",
    ),
    "segmentation": Task(
        targets=lambda labels, classes: jnp.asarray(labels, jnp.int32),
        loss=_pixel_loss,
        accuracy=_pixel_accuracy,
        said=_pixel_said,
        evaluate=evaluate_masks,
        headline="miou",
        models="'unet' or 'deeplabv3plus'",
    ),
}


def check_scores(
    scores: tuple[int, ...], labels: tuple[int, ...], dataset: Dataset
) -> None:
    """Raises unless a model says how likely each class of each label is.

    Args:
        scores: the shape of what the model gives for a batch.
        labels: the shape of the batch's labels, of images or of pixels.
        dataset: what the batch is from.

    Raises:
        ValueError: with the models that suit the data set's task.

    Example:
        >>> from jaxpad.data import DATASETS
        >>> check_scores((8, 10), (8,), DATASETS["digits"]())
    """
    expected = (*labels, len(dataset.classes))
    if scores != expected:
        raise ValueError(
            f"its scores have the shape {scores}, but the task of {dataset.name} is "
            f"{dataset.task}, with scores of the shape {expected}. Use a model for "
            f"that, such as {TASKS[dataset.task].models}."
        )
