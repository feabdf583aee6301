"""Evaluation: every test example exactly once, whatever the batch size."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from ..data import Batch
from ..typing import Array


class Evaluation(NamedTuple):
    """What the model said of each test example, in their order.

    Attributes:
        log_probabilities: float32 `[n, classes]`.
        labels: int `[n]`.
    """

    log_probabilities: Float[np.ndarray, "n classes"]
    labels: Int[np.ndarray, " n"]

    @property
    def predictions(self) -> Int[np.ndarray, " n"]:
        """The likeliest class of each example."""
        return self.log_probabilities.argmax(-1)

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
        step: from a batch to log-probabilities `[batch, classes]`.
        batches: with `real` False on examples that do not count.

    Returns:
        An `Evaluation` of the real examples.
    """
    said, labels = [], []
    for batch in batches:
        said.append(np.asarray(jax.device_get(step(batch)))[batch["real"]])
        labels.append(batch["label"][batch["real"]])
    return Evaluation(np.concatenate(said), np.concatenate(labels))


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
