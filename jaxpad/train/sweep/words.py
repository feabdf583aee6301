"""Sweeps in words: which keys of a config take which values.

`zero=0,3 mesh.model=1,2` names two keys, dotted and without "config.", and has four
arms: every value of the one with every value of the other. `zip(zero=0,3
mesh.model=1,2)` has two, the first values and the second ones. Of whole numbers `0:5`
is short for 0,1,2,3,4.
"""

import difflib
import itertools
import math
import re
from collections.abc import Sequence
from typing import Any

from absl import flags
from ml_collections.config_flags.tuple_parser import TupleParser

from ...untrusted import parsing
from ..workdir import flatten


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
MOST = 10_000  # arms; more are a typing error


def read_sweep(words: Sequence[str], config: Any) -> list[Overrides]:
    """Every combination of the values in words; those of the last word change fastest.

    Args:
        words: each `KEY=VALUE,VALUE,...`, or `zip(KEY=... KEY=...)`; a comma in
            brackets or quotes parts nothing.
        config: a `ConfigDict`, whose values say of which type the new ones are.

    Returns:
        Of each arm what it changes, dotted key -> value. Without words one arm that
        changes nothing.

    Raises:
        ValueError: for a key that the config has not or that is named twice, no values,
            a value of another type, pairs of unequal numbers, or too many arms.

    Example:
        >>> import ml_collections
        >>> config = ml_collections.ConfigDict({"zero": 0, "mesh": {"model": 1}})
        >>> read_sweep(["zero=0,3", "mesh.model=2"], config)
        [{'zero': 0, 'mesh.model': 2}, {'zero': 3, 'mesh.model': 2}]
        >>> read_sweep(["zip(zero=0,3 mesh.model=1,2)"], config)
        [{'zero': 0, 'mesh.model': 1}, {'zero': 3, 'mesh.model': 2}]
    """
    now, values, groups = dict(flatten(config.to_dict())), {}, []
    for word in words:
        inner = _zipped(word)
        keys = [_read_word(part, now, values) for part in inner or [word]]
        groups.append(_pairs(word, keys, values))
    if (count := math.prod(map(len, groups))) > MOST:
        raise ValueError(f"--sweep {' '.join(words)}: {count:,} arms are over {MOST:,}")
    return [
        {key: value for part in arm for key, value in part.items()}
        for arm in itertools.product(*groups)
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


def split(text: str, at: str = ",") -> list[str]:
    """The parts between the commas that are in no brackets and no quotes.

    Args:
        text: what is parted.
        at: a letter that parts, instead of a comma.

    Raises:
        ValueError: if a bracket or a quote does not end.

    Example:
        >>> split("zero,constant(value=1.0),('reflect','zero')")
        ['zero', 'constant(value=1.0)', "('reflect','zero')"]
    """
    parts, waited, start = [], [], 0
    for place, letter in enumerate(text):
        quoted = bool(waited) and waited[-1] in "'\""
        if waited and letter == waited[-1]:
            waited.pop()
        elif letter in "'\"" and not quoted:
            waited.append(letter)
        elif letter in BRACKETS and not quoted:
            waited.append(BRACKETS[letter])
        elif letter == at and not waited:
            parts.append(text[start:place])
            start = place + 1
    if waited:
        raise ValueError(f"a {waited[-1]} is missing: close what is opened")
    return [*parts, text[start:]]


def _zipped(word: str) -> list[str]:
    """The words in `zip(...)`; none for another word."""
    if not (found := re.fullmatch(r"zip\((.*)\)", word, re.DOTALL)):
        return []
    try:
        return [part for part in split(found[1], " ") if part]
    except ValueError as error:
        raise ValueError(f"--sweep {word}: {error}.") from error


def _read_word(word: str, now: Overrides, values: dict[str, list[Any]]) -> str:
    """Notes the values of a word's key, and returns the key."""
    key, equals, text = word.partition("=")
    if not equals:
        raise ValueError(
            f"--sweep {word!r}: expected KEY=VALUE,VALUE,..., such as --sweep zero=0,1."
        )
    _check_key(key, now)
    if key in values:
        raise ValueError(
            f"--sweep {word}: {key} has values already. Give them all in one "
            f"word, such as {key}={','.join(map(str, values[key]))},{text}."
        )
    values[key] = _read_values(key, text, now[key])
    return key


def _pairs(word: str, keys: list[str], values: dict[str, list[Any]]) -> list[Overrides]:
    """One arm for each value of a key; of more keys for each pair."""
    counts = {key: len(values[key]) for key in keys}
    if len(set(counts.values())) != 1:
        raise ValueError(
            f"--sweep {word}: expected as many values of each key, such as "
            f"'zip(padding=zero,partial seed=0,1)', but got {counts}."
        )
    columns = zip(*(values[key] for key in keys), strict=True)
    return [dict(zip(keys, column, strict=True)) for column in columns]


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
    for part in itertools.chain(*(_ranged(part, now) for part in parts)):
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


def _ranged(part: str, now: Any) -> list[str]:
    """`0:3` as three numbers; another part alone."""
    found = re.fullmatch(r"(-?\d{1,9}):(-?\d{1,9})", part)
    if type(now) is not int or found is None:
        return [part]
    low, high = int(found[1]), int(found[2])
    if not 0 < high - low <= MOST:
        raise ValueError(
            f"--sweep: {part} is {max(0, high - low):,} numbers; expected FROM:TO, of "
            f"at most {MOST:,}, such as 0:5 for 0,1,2,3,4."
        )
    return [str(number) for number in range(low, high)]
