"""Evaluation: every test example exactly once, whatever the batch size."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int, Integer

from ..data import Batch
from ..sharding import gathered
from ..typing import AnyArray, Array
from .segmentation import Segmentation


class Evaluation(NamedTuple):
    """What the model said of each test example, in their order.

    Attributes:
        log_probabilities: float32 `[n, classes]`.
        labels: int `[n]`.
        numbers: of their records, `[n]`; one that cannot be read is not among them.
    """

    log_probabilities: Float[np.ndarray, "n classes"]
    labels: Int[np.ndarray, " n"]
    numbers: Integer[np.ndarray, " n"]

    @property
    def predictions(self) -> Int[np.ndarray, " n"]:
        """The likeliest class of each example."""
        return self.log_probabilities.argmax(-1)

    def figures(self) -> dict[str, float]:
        """What is logged."""
        return {"loss": self.loss, "accuracy": self.accuracy}

    def trivial(self) -> dict[str, float]:
        """The figures of the best answer that is the same for every example."""
        return {"accuracy": float(np.bincount(self.labels).max() / len(self.labels))}

    @property
    def correct(self) -> int:
        """How many predictions are right."""
        return int((self.predictions == self.labels).sum())

    @property
    def accuracy(self) -> float:
        """The part of predictions that are right."""
        return self.correct / len(self.labels)

    @property
    def loss(self) -> float:
        """Mean cross-entropy, nats."""
        chosen = self.log_probabilities[np.arange(len(self.labels)), self.labels]
        return float(-chosen.astype(np.float64).mean())

    def confusion(self) -> Int[np.ndarray, "classes classes"]:
        """Counts by true class (rows) and predicted class (columns)."""
        classes = self.log_probabilities.shape[1]
        counts = np.zeros((classes, classes), np.int64)
        np.add.at(counts, (self.labels, self.predictions), 1)
        return counts


def evaluate(step: Callable[[Batch], Array], batches: Iterable[Batch]) -> Evaluation:
    """Runs the evaluation step over batches, and drops what only filled them.

    Args:
        step: from a batch to log-probabilities `[batch, classes]`, of the parts of all
            processes.
        batches: what this process has read; `real` is False where it does not count.

    Returns:
        An `Evaluation` of the real examples, in the order of their numbers.
    """
    said, labels, numbers = [], [], []
    for batch in batches:
        told = jax.device_get(step(batch))
        label, real, record = gathered((batch["label"], batch["real"], batch["id"]))
        said.append(np.asarray(told)[real])
        labels.append(label[real])
        numbers.append(record[real, 1])
    found = [np.concatenate(parts) for parts in (said, labels, numbers)]
    order = np.argsort(found[2])
    return Evaluation(*(part[order] for part in found))


def evaluate_masks(
    step: Callable[[Batch], Mapping[str, AnyArray]],
    batches: Iterable[Batch],
    shown: Collection[int] = (),
) -> Segmentation:
    """Adds up what the evaluation step says of batches.

    Args:
        step: from a batch to `confusion`, the summed `loss` and `count`, and
            `prediction`, the masks, of the parts of all processes.
        batches: what this process has read, with `label`, `real` and `id`.
        shown: numbers of the records whose predictions are kept.

    Returns:
        A `Segmentation` of the real examples.
    """
    confusion, loss, count, images = None, 0.0, 0, 0
    examples: dict[int, np.ndarray] = {}
    for batch in batches:
        said = step(batch)
        found = np.asarray(jax.device_get(said["confusion"]), np.int64)
        confusion = found if confusion is None else confusion + found
        loss += float(said["loss"])
        count += int(said["count"])
        real, record = gathered((batch["real"], batch["id"]))
        images += int(real.sum())
        for row, (_, number) in enumerate(record):
            if real[row] and number in shown:
                examples[int(number)] = np.asarray(said["prediction"][row])
    if confusion is None:
        raise ValueError("there is nothing to evaluate: the test set is empty.")
    return Segmentation(confusion, loss / max(count, 1), images, examples)


def wilson_interval(correct: int, n: int) -> tuple[float, float]:
    """The 95% interval of a proportion that does not leave [0, 1].

    `(p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)`, z = 1.96. Wilson, 1927.

    Args:
        correct: successes.
        n: trials; with none the interval is (0, 1).

    Example:
        >>> low, high = wilson_interval(355, 358)
        >>> round(low, 4), round(high, 4)
        (0.9757, 0.9971)
    """
    if n == 0:
        return 0.0, 1.0
    z, p = 1.959963984540054, correct / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)
