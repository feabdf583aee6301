"""Texts by number, and data sets of them."""

import dataclasses
from collections.abc import Iterable
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Integer

from ..records import digest


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """One sequence.

    Attributes:
        key: its name in errors and logs.
        tokens: their numbers, `[n]`.
    """

    key: str
    tokens: Integer[np.ndarray, " n"]


@runtime_checkable
class TextSource(Protocol):
    """Texts by number, whose lengths are known before one is read."""

    @property
    def lengths(self) -> Integer[np.ndarray, " texts"]:
        """Tokens of each text."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Text: ...

    def fingerprint(self) -> str:
        """Changes when the texts or their order do."""
        ...


@dataclasses.dataclass(frozen=True)
class TextDataset:
    """Texts to train on and to test on.

    Attributes:
        name: the name in `jaxpad.data.DATASETS`.
        classes: how each token is shown; there are as many tokens.
        mask: the token that stands for one that is hidden. No text holds it.
        train: the texts to train on.
        test: other texts.
        note: what these texts are, for the report.
        task: always "language".
    """

    name: str
    classes: tuple[str, ...]
    mask: int
    train: TextSource
    test: TextSource
    note: str
    task: Literal["language"] = "language"

    def __post_init__(self):
        if not 0 <= self.mask < len(self.classes):
            raise ValueError(
                f"mask={self.mask}: expected one of the {len(self.classes)} tokens, "
                f"0 to {len(self.classes) - 1}."
            )

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of all that the texts are."""
        parts = (self.name, self.task, *self.classes, str(self.mask))
        return digest(*parts, self.train.fingerprint(), self.test.fingerprint())


class Texts:
    """Texts in memory, one after another in one array.

    Args:
        texts: of them; keys and tokens.
        dtype: of the tokens, the smallest that holds them.

    Example:
        >>> texts = Texts([Text("a", np.array([7, 8])), Text("b", np.array([9]))])
        >>> len(texts), texts.lengths, texts[1].tokens
        (2, array([2, 1]), array([9], dtype=uint16))
    """

    def __init__(self, texts: Iterable[Text], dtype: type = np.uint16):
        held = list(texts)
        self._keys = [text.key for text in held]
        self.lengths = np.array([len(text.tokens) for text in held], np.int64)
        self._ends = np.cumsum(self.lengths)
        self._tokens = np.zeros(int(self.lengths.sum()), dtype)
        for end, text in zip(self._ends, held, strict=True):
            self._tokens[end - len(text.tokens) : end] = text.tokens

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: int) -> Text:
        end = self._ends[index]
        return Text(self._keys[index], self._tokens[end - self.lengths[index] : end])

    def fingerprint(self) -> str:
        """A hash of every token."""
        return digest(self._tokens, self.lengths)
