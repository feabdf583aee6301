"""Texts by number, and data sets of them."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal, Protocol, runtime_checkable

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

    Raises:
        ValueError: for a mask that is no token, or a part without tokens.
        TypeError: for a part that is no `TextSource`.
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
        for part in ("train", "test"):
            _check_part(part, getattr(self, part))

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of all that the texts are."""
        parts = (self.name, self.task, *self.classes, str(self.mask))
        return digest(*parts, self.train.fingerprint(), self.test.fingerprint())


def _check_part(part: str, source: Any) -> None:
    if not isinstance(source, TextSource):
        raise TypeError(
            f"{part} is a {type(source).__name__}: expected texts by number, with "
            "lengths, [number] and fingerprint(), as Texts([Text(key, tokens), ...])."
        )
    if not np.any(source.lengths):
        raise ValueError(
            f"its part {part!r} has {len(source)} texts and no token: expected a text "
            "with one token at least."
        )


def checked(text: Text, classes: int, mask: int) -> np.ndarray:
    """The tokens of a text as int32.

    Args:
        text: as a source gives it.
        classes: how many tokens there are.
        mask: the one that no text holds.

    Raises:
        ValueError: for something else than such tokens, with the key of the text.
    """
    tokens = _whole(text)
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < classes:
        raise ValueError(
            f"text {text.key!r} holds tokens from {tokens.min()} to {tokens.max()}: "
            f"expected 0 to {classes - 1}, for the data set names {classes} of them "
            "in its classes."
        )
    if (tokens == mask).any():
        raise ValueError(
            f"text {text.key!r} holds the token {mask}, the mask, which stands for a "
            "hidden token alone: leave it out of texts, or give the data set another "
            "mask."
        )
    return tokens.astype(np.int32)


def _whole(text: Text) -> np.ndarray:
    tokens = np.asarray(text.tokens)
    if tokens.ndim == 1 and not tokens.size:
        return tokens.astype(np.int32)  # an empty list is of no type
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
        raise ValueError(
            f"text {text.key!r} is {tokens.dtype}{list(tokens.shape)}: expected whole "
            "numbers [n], one for each token."
        )
    return tokens


class Texts:
    """Texts in memory, one after another in one array.

    Args:
        texts: of them; keys and tokens.
        dtype: of the tokens, the smallest that holds them.

    Raises:
        ValueError: for tokens that are no whole numbers, or that the dtype cannot hold.

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
            self._tokens[end - len(text.tokens) : end] = _held(text, dtype)

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: int) -> Text:
        end = self._ends[index]
        return Text(self._keys[index], self._tokens[end - self.lengths[index] : end])

    def fingerprint(self) -> str:
        """A hash of every token."""
        return digest(self._tokens, self.lengths)


def _held(text: Text, dtype: type) -> np.ndarray:
    """The tokens of a text, all of which a dtype holds."""
    tokens, most = _whole(text), np.iinfo(dtype).max
    if tokens.size and not 0 <= tokens.min() <= tokens.max() <= most:
        raise ValueError(
            f"text {text.key!r} holds tokens from {tokens.min()} to {tokens.max()}, "
            f"but {np.dtype(dtype)} holds 0 to {most}: of more tokens write "
            "Texts(..., dtype=np.uint32)."
        )
    return tokens
