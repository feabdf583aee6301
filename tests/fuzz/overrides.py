"""Fuzzed: values of the config on the command line, and in the file of a run."""

import contextlib
import io
import json
from typing import Any

from absl import flags

from jaxpad.launch import default_config, define_config, parse_flags
from jaxpad.registry import restored
from jaxpad.train.checkpoint.export import saved_config
from jaxpad.train.keys import check_keys, check_values
from jaxpad.train.workdir import flatten
from tests.fuzz.grammar import (
    PIECES,
    TOKENS,
    Random,
    changed,
    literal,
    made,
    mutated,
    text,
)
from tests.fuzz.law import FOLDER, Target, told


CONFIG = json.loads(json.dumps(default_config().to_dict()))
KEYS = [key for key, _ in flatten(CONFIG)]
WORDS = [f"--config.{key}={value}" for key, value in flatten(CONFIG)]


def make(rng: Random, changes: int) -> list[str]:
    return [_word(rng, changes) for _ in range(rng.randrange(3))]


def _word(rng: Random, changes: int) -> str:
    kind = rng.random()
    if kind < 0.5:
        return f"--config.{rng.choice(KEYS)}={literal(rng)}"
    if kind < 0.7:
        return f"--config.{rng.choice(KEYS)}={rng.choice(TOKENS)}"
    if kind < 0.9:
        word = mutated(rng, changes, rng.choice(WORDS), TOKENS)
    else:
        word = text(rng)
    # Another file is the user's own program, and is run.
    return f"--config.{word.removeprefix('--config.')}"


def check_words(words: list[str]) -> None:
    def names(said: str) -> bool:
        parts = [part for word in words for part in word.split("=", 1)]
        return said.startswith("error: ") and any(part in said for part in parts)

    config = told(lambda: _from_words(words), names, (Ended,))
    if config is not None:
        _check(config)


class Ended(Exception):
    """The launcher has said what is wrong, and ended with 2."""


def _from_words(words: list[str]) -> Any:
    """As the launcher reads them; what it says when it ends becomes the error."""
    values, argv = flags.FlagValues(), ["launch.py", *words]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            define_config(values, argv)
            parse_flags(argv, values)
    except SystemExit as end:
        if end.code != 2:
            raise
        raise Ended(said.getvalue()) from end
    return values.config


def make_file(rng: Random, changes: int) -> bytes:
    text = json.dumps(
        changed(rng, changes, CONFIG), default=repr, skipkeys=True
    ).encode()
    return text if rng.random() < 0.7 else mutated(rng, changes, text, PIECES)


def check_file(data: bytes) -> None:
    (FOLDER / "config.json").write_bytes(data)
    found = told(lambda: saved_config(FOLDER), lambda said: str(FOLDER) in said)
    if found is not None:
        _check(found)


def _check(config: Any) -> None:
    def look() -> None:
        with restored():
            check_keys(config)
            check_values(config)

    told(look, lambda said: "config" in said)


WORDS_TARGET = Target("config overrides", 500, made(make, 3), check_words)
FILE_TARGET = Target("config.json", 800, made(make_file), check_file)
