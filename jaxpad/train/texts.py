"""Evaluation of masked-language models: every hidden token of every test text once."""

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from ..data import TextBatch
from ..data.text.batches import CELLS
from ..sharding import gathered


class Answer(NamedTuple):
    """What was said of one text, or of the first piece of one that is split.

    Attributes:
        tokens: as they are, `[n]`.
        said: the likeliest for each cell, `[n]`.
        told: which of them were asked for, `[n]`.
    """

    tokens: Int[np.ndarray, " n"]
    said: Int[np.ndarray, " n"]
    told: np.ndarray


class Language(NamedTuple):
    """What was found over a set of texts.

    Attributes:
        tokens: how often each token was hidden, int64 `[classes]`.
        right: how many of them were told.
        loss: mean cross-entropy of them, nats.
        texts: how many there were; one that is split counts once.
        examples: by the text's number, the answer to some.

    Example:
        >>> found = Language(np.array([6, 2]), right=4, loss=0.5, texts=3)
        >>> found.accuracy, found.trivial()
        (0.5, {'accuracy': 0.75})
    """

    tokens: Int[np.ndarray, " classes"]
    right: int
    loss: float
    texts: int
    examples: Mapping[int, Answer] = MappingProxyType({})

    def figures(self) -> dict[str, float]:
        """What is logged."""
        return {"loss": self.loss, "accuracy": self.accuracy}

    def trivial(self) -> dict[str, float]:
        """The figures of the best answer that is the same for every token."""
        return {"accuracy": _part(int(self.tokens.max()), self.told)}

    @property
    def told(self) -> int:
        """How many tokens were hidden."""
        return int(self.tokens.sum())

    @property
    def accuracy(self) -> float:
        """The part of hidden tokens that was told; NaN if none was hidden."""
        return _part(self.right, self.told)


def _part(count: int, total: int) -> float:
    return count / total if total else float("nan")


def evaluate_texts(
    step: Callable[[TextBatch], Mapping[str, Any]],
    batches: Iterable[TextBatch],
    shown: Collection[int] = (),
) -> Language:
    """Adds up what the evaluation step says of batches.

    Args:
        step: from a batch to the summed `loss`, how many are `right`, the `tokens` that
            were hidden, the `prediction` of each cell and which are `told`, of the
            parts of all processes.
        batches: what this process has read.
        shown: numbers of the texts whose answers are kept.

    Returns:
        A `Language` of all texts.

    Raises:
        ValueError: if no token was hidden.
    """
    tokens, right, loss, texts = np.zeros(1, np.int64), 0, 0.0, 0
    examples: dict[int, Answer] = {}
    for batch in batches:
        said = jax.device_get(step(batch))
        tokens = tokens + np.asarray(said["tokens"], np.int64)
        right += int(said["right"])
        loss += float(said["loss"])
        rows = gathered({name: batch[name] for name in CELLS})
        texts += int(((rows["segment_ids"] > 0) & (rows["place"] == 0)).sum())
        for number in set(np.unique(rows["text"]).tolist()) & {*shown} - {*examples}:
            if (answer := _answer(number, rows, said)) is not None:
                examples[number] = answer
    if not tokens.any():
        raise ValueError(
            f"no token of the {texts} test texts was hidden, so there is nothing to "
            "tell: hide more by config.objective, or test on more texts."
        )
    return Language(tokens, right, loss / int(tokens.sum()), texts, examples)


def _answer(number: int, rows: Any, said: Mapping[str, Any]) -> Answer | None:
    """Of the first piece of a text, if it is here; an empty cell has number 0, too."""
    cells = (rows["segment_ids"] > 0) & (rows["text"] == number)
    first = np.argwhere(cells & (rows["place"] == 0))
    if not len(first):
        return None
    row, column = first[0]
    inside = cells[row] & (rows["segment_ids"][row] == rows["segment_ids"][row, column])
    parts = (rows["tokens"], said["prediction"], said["told"])
    return Answer(*(np.asarray(part)[row][inside] for part in parts))
