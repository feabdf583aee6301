"""What differs between classification, segmentation and language, in one table."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ..batching import Ragged
from ..conv import split_image
from ..data import Batch, Dataset, TextDataset
from ..typing import Array
from . import segmentation
from .evaluate import evaluate, evaluate_masks
from .language import loss_named, text_accuracy, text_counts, text_said
from .texts import evaluate_texts


class Task(NamedTuple):
    """The functions of a task.

    Attributes:
        targets: from (labels of images, classes) to what augmentations and the loss
            see; an objective makes those of texts.
        forward: from (model, what it sees of a batch) to its scores.
        loss: from (scores, targets, label smoothing) to the mean loss, and over how
            much it is the mean: images, pixels that count, or tokens.
        accuracy: from (scores, targets) to the part that is right, and of how many.
        said: from (scores, targets, batch) to what an evaluation takes from the device.
        counts: of a batch, for the log of a training step.
        evaluate: from (step, batches) to an evaluation of the real examples.
        keeps: whether that also takes which examples' answers to keep.
        unit: what the speed of a run is counted in.
        headline: the figure of an evaluation that a run is judged by.
        models: some that are for it.
    """

    targets: Callable[[Array, int], Array]
    forward: Callable[[Any, Any], Array]
    loss: Callable[[Array, Any, float], tuple[Array, Array]]
    accuracy: Callable[[Array, Any], tuple[Array, Array]]
    said: Callable[[Array, Any, Any], Any]
    counts: Callable[[Any], dict[str, Array]]
    evaluate: Callable[..., Any]
    keeps: bool
    unit: str
    headline: str
    models: str


def _as_they_are(labels: Array, classes: int) -> Array:
    return jnp.asarray(labels, jnp.int32)


def _image_forward(model: Any, images: Array) -> Array:
    return model(split_image(images))


def _text_forward(model: Any, texts: Ragged) -> Array:
    return model(texts).values


def _class_loss(scores: Array, targets: Array, smoothing: float) -> tuple[Array, Array]:
    targets = optax.smooth_labels(targets, smoothing)
    losses = optax.softmax_cross_entropy(scores, targets)
    return losses.mean(), jnp.asarray(len(losses), jnp.float32)


def _class_accuracy(scores: Array, targets: Array) -> tuple[Array, Array]:
    right = scores.argmax(-1) == targets.argmax(-1)
    return right.mean(), jnp.asarray(len(right), jnp.float32)


def _class_said(scores: Array, labels: Array, batch: Batch) -> Array:
    return jax.nn.log_softmax(scores)


def _pixel_loss(scores: Array, targets: Array, smoothing: float) -> tuple[Array, Array]:
    counted = targets != segmentation.IGNORE
    loss = segmentation.cross_entropy(scores, targets)
    return loss, counted.sum(dtype=jnp.float32)


def _pixel_accuracy(scores: Array, targets: Array) -> tuple[Array, Array]:
    counted = targets != segmentation.IGNORE
    right = counted & (scores.argmax(-1) == targets)
    part = right.sum() / jnp.maximum(counted.sum(), 1)
    return part, counted.sum(dtype=jnp.float32)


def _pixel_said(scores: Array, label: Array, batch: Batch) -> dict[str, Array]:
    said, real = scores.argmax(-1), batch["real"]
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
        forward=_image_forward,
        loss=_class_loss,
        accuracy=_class_accuracy,
        said=_class_said,
        counts=lambda batch: {},
        evaluate=evaluate,
        keeps=False,
        unit="images",
        headline="accuracy",
        models="'resnet50', 'convnext_tiny' or 'vit_s_16'",
    ),
    "segmentation": Task(
        targets=_as_they_are,
        forward=_image_forward,
        loss=_pixel_loss,
        accuracy=_pixel_accuracy,
        said=_pixel_said,
        counts=lambda batch: {},
        evaluate=evaluate_masks,
        keeps=True,
        unit="images",
        headline="miou",
        models="'unet' or 'deeplabv3plus'",
    ),
    "language": Task(
        targets=_as_they_are,
        forward=_text_forward,
        loss=loss_named("token"),  # or what config.loss says
        accuracy=text_accuracy,
        said=text_said,
        counts=text_counts,
        evaluate=evaluate_texts,
        keeps=True,
        unit="tokens",
        headline="accuracy",
        models="'bert_tiny' or 'bert_base'",
    ),
}


def check_scores(
    scores: tuple[int, ...], labels: tuple[int, ...], dataset: Dataset | TextDataset
) -> None:
    """Raises unless a model says how likely each class of each label is.

    Args:
        scores: the shape of what the model gives for a batch.
        labels: the shape of the batch's labels, of images, pixels or tokens.
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
