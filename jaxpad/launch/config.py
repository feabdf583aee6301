"""The config of a command line: its flags, and what is wrong with them."""

import importlib.util
import pathlib
import re
import traceback
from typing import Any

from absl import flags
from ml_collections import config_flags

from .endings import fail


# What ml_collections would take for the key is parsed as Python.
_OVERRIDE = re.compile(r"--?config(\.[A-Za-z_]\w*(\[\d+\])*)+(=.*)?", re.DOTALL)
# In a wheel the configs lie inside the package, in a checkout beside it.
_HERE = pathlib.Path(__file__).parents[1]
_CONFIGS = next(p for p in (_HERE / "configs", _HERE.parent / "configs") if p.exists())


def default_config() -> Any:
    """The config of configs/default.py, for the configs of other jobs to change."""
    spec = importlib.util.spec_from_file_location("default", _CONFIGS / "default.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


def define_config(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines --config and a flag for each key; exits with 2 for one that is none."""
    default = _CONFIGS / "default.py"
    given = [arg for arg in argv[1:] if arg.lstrip("-").startswith("config.")]
    for word in given:
        if not _OVERRIDE.fullmatch(word):
            fail(
                f"{word}: expected --config.KEY=VALUE; all keys, with their meaning, "
                f"stand in {default}."
            )
    try:
        # This reads the command line, and so finds keys that do not exist.
        config_flags.DEFINE_config_file(
            "config",
            str(default),
            "The job: a file with get_config().",
            flag_values=values,
            sys_argv=argv,
        )
    except (AttributeError, KeyError) as error:
        inner = error.args[0]
        reason = inner.args[0] if isinstance(inner, Exception) else inner
        fail(
            f"{' '.join(given)}: the config has no key {reason}\nAll keys, with "
            f"their meaning, stand in {default}."
        )
    except (TypeError, ValueError) as error:
        if (
            "ml_collections"
            not in traceback.extract_tb(error.__traceback__)[-1].filename
        ):
            raise  # of the config file itself
        # A key below one, or one called "None".
        fail(
            f"{' '.join(given)}: no such key ({error})\nAll keys, with their meaning, "
            f"stand in {default}."
        )


def parse_flags(argv: list[str], values: flags.FlagValues = flags.FLAGS) -> list[str]:
    """What is no flag on a command line; exits with 2 for one that cannot be read."""
    following = [*argv[1:], "--"]
    given = [
        f"{word}=" if word.lstrip("-") == "sweep" and after.startswith("-") else word
        for word, after in zip(argv, following, strict=True)
    ]
    try:
        rest = values(given)
        _ = values.config.to_dict  # of a file that is not there, this raises
        return rest
    except (flags.Error, OSError) as error:
        fail(f"{error}\n--help lists the flags.")


def of_config(argv: list[str]) -> list[str]:
    """The program, and of its words those that say which config.

    Example:
        >>> of_config("launch.py --config a.py --noconfig.borders --jobs=2".split())
        ['launch.py', '--config', 'a.py', '--noconfig.borders']
    """
    kept, value = argv[:1], False
    for word in argv[1:]:
        mine = re.match(r"--?(no)?config\b", word) is not None
        if mine or (value and not word.startswith("-")):
            kept.append(word)
        value = mine and "=" not in word and "noconfig" not in word
    return kept
