"""Sweeps in words: which keys of a config take which values.

`zero=0,3 mesh.model=1,2` names two keys, dotted and without "config.", and has four
arms: every value of the one with every value of the other.
"""

import difflib
import itertools
from collections.abc import Sequence
from typing import Any

from absl import flags
from ml_collections.config_flags.tuple_parser import TupleParser

from ..untrusted import parsing
from .workdir import flatten


Overrides = dict[str, Any]

# As --config.KEY=VALUE is read. A bool is an int too, so the exact type counts.
PARSERS: dict[type, tuple[flags.ArgumentParser, str]] = {
    bool: (flags.BooleanParser(), "true or false"),
    int: (flags.IntegerParser(), "a whole number"),
    float: (flags.FloatParser(), "a number"),
    str: (flags.ArgumentParser(), "a text"),
    tuple: (TupleParser(), "a tuple"),
}
BRACKETS = {"(": ")", "[": "]", "{": "}"}


def read_sweep(words: Sequence[str], config: Any) -> list[Overrides]:
    """Every combination of the values in words; those of the last word change fastest.

    Args:
        words: each `KEY=VALUE,VALUE,...`; a comma in brackets or quotes parts nothing.
        config: a `ConfigDict`, whose values say of which type the new ones are.

    Returns:
        Of each arm what it changes, dotted key -> value. Without words one arm that
        changes nothing.

    Raises:
        ValueError: for a key that the config has not or that is named twice, no values,
            or a value of another type.

    Example:
        >>> import ml_collections
        >>> config = ml_collections.ConfigDict({"zero": 0, "mesh": {"model": 1}})
        >>> read_sweep(["zero=0,3", "mesh.model=2"], config)
        [{'zero': 0, 'mesh.model': 2}, {'zero': 3, 'mesh.model': 2}]
    """
    now, values = dict(flatten(config.to_dict())), {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise ValueError(
                f"--sweep {word!r}: expected KEY=VALUE,VALUE,..., such as "
                "--sweep zero=0,1."
            )
        _check_key(key, now)
        if key in values:
            raise ValueError(
                f"--sweep {word}: {key} has values already. Give them all in one "
                f"word, such as {key}={','.join(map(str, values[key]))},{text}."
            )
        values[key] = _read_values(key, text, now[key])
    return [
        dict(zip(values, arm, strict=True))
        for arm in itertools.product(*values.values())
    ]


def with_overrides(config: Any, overrides: Overrides) -> Any:
    """A copy of a config in which some keys have other values.

    Args:
        config: a `ConfigDict`; it stays as it is.
        overrides: dotted key -> value.
    """
    changed = config.copy_and_resolve_references()
    changed.update_from_flattened_dict(overrides)
    return changed


def in_words(overrides: Overrides) -> str:
    """As a sweep has it, one value for each key.

    Example:
        >>> in_words({"zero": 3, "mesh.model": 2})
        'zero=3 mesh.model=2'
    """
    return " ".join(f"{key}={value}" for key, value in overrides.items())


def split(text: str) -> list[str]:
    """The parts between the commas that are in no brackets and no quotes.

    Raises:
        ValueError: if a bracket or a quote does not end.

    Example:
        >>> split("zero,constant(value=1.0),('reflect','zero')")
        ['zero', 'constant(value=1.0)', "('reflect','zero')"]
    """
    parts, waited = [""], []
    for letter in text:
        quoted = bool(waited) and waited[-1] in "'\""
        if waited and letter == waited[-1]:
            waited.pop()
        elif letter in "'\"" and not quoted:
            waited.append(letter)
        elif letter in BRACKETS and not quoted:
            waited.append(BRACKETS[letter])
        elif letter == "," and not waited:
            parts.append("")
            continue
        parts[-1] += letter
    if waited:
        raise ValueError(f"a {waited[-1]} is missing: close what is opened")
    return parts


def _check_key(key: str, now: Overrides) -> None:
    if key in now:
        return
    if inner := [name for name in now if name.startswith(f"{key}.")]:
        raise ValueError(
            f"--sweep {key}: {key} has keys of its own, {', '.join(inner)}. Name one, "
            f"such as --sweep {inner[0]}={now[inner[0]]}."
        )
    near = difflib.get_close_matches(key.removeprefix("config."), now, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"--sweep {key}: the config has no key {key!r}.{hint} Type a key of "
        'configs/default.py without "config.", such as --sweep zero=0,1.'
    )


def _read_values(key: str, text: str, now: Any) -> list[Any]:
    """Each part of a text as the type of the config's own value."""
    like = f"such as --sweep {in_words({key: now})!r}."
    if not text:
        raise ValueError(f"--sweep {key}=: no values. Type one or more, {like}")
    parser, kind = PARSERS[type(now)]
    try:
        parts = split(text)
    except ValueError as error:
        raise ValueError(f"--sweep {key}={text}: {error}.") from error
    values = []
    for part in parts:
        try:
            with parsing(part):
                values.append(parser.parse(part))
        except ValueError as error:
            raise ValueError(
                f"--sweep {key}={text}: {part!r} is not {kind}, as config.{key} is. "
                f"Type values with commas between, {like}"
            ) from error
        if values[-1] in values[:-1]:
            raise ValueError(
                f"--sweep {key}={text}: {part!r} stands there twice: name each once."
            )
    return values
