"""Texts of which tokens were hidden, and what was said of those."""

import itertools
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from jaxpad.untrusted import read_json_list


LONGEST = 600  # tokens of a text that are shown


class Text(NamedTuple):
    """A test text: its tokens, the likeliest for each, and which were asked for."""

    key: str
    tokens: list[str]
    said: list[str]
    told: list[bool]


class Span(NamedTuple):
    """Tokens side by side: a text as it is, or one that was told, right or wrong."""

    text: str
    said: str | None = None

    @property
    def right(self) -> bool:
        """Whether what was said is what stands there."""
        return self.said == self.text


def read_texts(path: pathlib.Path) -> list[Text]:
    """Reads examples.json.

    Args:
        path: the file.

    Returns:
        One for each text.

    Raises:
        ValueError: it holds something else; the message names the file.
    """
    entries = read_json_list(path)
    for entry in entries:
        if not isinstance(entry, dict) or not _is_text(entry):
            raise ValueError(
                f"{path} holds something other than texts, each with 'key', 'tokens', "
                "'said' and 'told' of one length."
            )
    return [Text(**{name: entry[name] for name in Text._fields}) for entry in entries]


def _is_text(entry: dict[str, Any]) -> bool:
    kinds = {"tokens": str, "said": str, "told": bool}
    lists = [entry.get(name) for name in kinds]
    if not isinstance(entry.get("key"), str):
        return False
    if not all(isinstance(each, list) for each in lists):
        return False
    pairs = zip(lists, kinds.values(), strict=True)
    alike = all(isinstance(v, kind) for each, kind in pairs for v in each or [])
    return alike and len({len(each or []) for each in lists}) == 1


def spans(text: Text) -> Iterator[Span]:
    """A text as a page shows it; a long one ends early.

    Args:
        text: of which some tokens were hidden.

    Example:
        >>> found = Text("k", list("abcd"), list("abxd"), [False, False, True, True])
        >>> [(s.text, s.said) for s in spans(found)]
        [('ab', None), ('c', 'x'), ('d', 'd')]
    """
    cells = zip(text.tokens, text.said, text.told, strict=True)
    shown = itertools.islice(cells, LONGEST)
    for told, group in itertools.groupby(shown, lambda cell: cell[2]):
        if told:
            yield from (Span(token, said) for token, said, _ in group)
        else:
            yield Span("".join(token for token, _, _ in group))
    if len(text.tokens) > LONGEST:
        yield Span(" …")
