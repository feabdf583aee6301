"""Inputs that are nearly right, which get further than noise does.

Each is made from a number of changes, which hypothesis makes smaller where a law is
broken, and from the seed of a generator: a draw of hypothesis's for every letter would
take ten times as long as what is tried.
"""

import random
import string
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st


Random = random.Random


# What a text or a file is made of, and what has broken parsers.
# "antigravity" is a module that nothing here has imported.
TOKENS = (
    *("(", ")", "[", "]", "{", "}", ",", "=", ":", "'", '"', ".", "-", "*", "**", " "),
    *("\\", "\n", "\t", "\0", "#", "lambda:0", "None", "True", "true", "nan", "inf"),
    *("1e999", "-1", "0", "1.5", "0x1F", "1_0", "9" * 30, "1j", "b'x'", "f'{1}'"),
    *("...", "()", "[]", "{}", "{1: 2}", "{**{}}", "{[]: 1}", "**{'a': 1}", "*[1]"),
    *("(" * 300, "-" * 300, "os:system", "os.path:join", ".a:b", ":", "mylab.pads:x"),
    *(
        "__import__('antigravity')",
        "antigravity:fly",
        "__class__",
        "__init__",
        "a" * 300,
        "é",
        "\uff11",
        "\ud800",
        "\x7f",
    ),
    *(
        "../",
        "/etc/passwd",
        "~",
        "$HOME",
        "%s",
        "{0}",
        "\\N{DASH}",
        "\u202e",
        "config.",
    ),
)

PIECES = [token.encode(errors="surrogatepass") for token in TOKENS] + [b"[" * 100_000]
ODD_NUMBERS = (0, -1, 1, 2, 255, 256, 2**31, -(2**63), 2**64, 10**30)
REMOVED = object()


def made(make: Callable[[Random, int], Any], most: int = 4) -> Any:
    """A strategy from a function of a generator and a number of changes.

    Args:
        make: from both to an input.
        most: changes.
    """
    return st.builds(
        lambda changes, seed: make(Random(seed), changes),
        st.integers(0, most),
        st.integers(0, 2**64),
    )


def text(rng: Random, longest: int = 8) -> str:
    """Letters, and now and then a sign of some other alphabet."""
    letters = string.printable if rng.random() < 0.8 else "éß漢\U0001f600\u200b\ud800\0"
    return "".join(rng.choices(letters, k=rng.randrange(longest + 1)))


def value(rng: Random, depth: int = 2) -> Any:
    """What JSON or a literal may hold."""
    if depth and rng.random() < 0.35:
        inner = [value(rng, depth - 1) for _ in range(rng.randrange(4))]
        keyed = {text(rng): one for one in inner}
        return rng.choice([inner, tuple(inner), keyed])
    return rng.choice(
        [
            *(None, True, False, rng.choice(ODD_NUMBERS), rng.randrange(-3, 300)),
            *(
                rng.uniform(-2, 2),
                rng.choice([1e300, -0.0, float("nan"), float("inf")]),
            ),
            *(rng.choice(TOKENS), text(rng)),
        ]
    )


def literal(rng: Random) -> str:
    return repr(value(rng))


def mutated(rng: Random, changes: int, valid: Any, pieces: Sequence[Any]) -> Any:
    """A text, or a file as bytes, in which a few places are cut out or written over."""
    for _ in range(changes):
        at = rng.randrange(len(valid) + 1)
        cut = rng.choice((0, 0, 1, 1, 2, 4, 8, 64, 2**20))
        piece = rng.choice(pieces) if rng.random() < 0.8 else valid[:0]
        valid = valid[:at] + piece + valid[at + cut :]
    return valid


def spec(
    rng: Random, changes: int, names: Sequence[str], options: Sequence[str] = ()
) -> str:
    """A text such as "name(option=literal)", right or nearly so."""
    kind, name = rng.random(), rng.choice(names)
    if kind < 0.5:
        given = [
            f"{rng.choice([*options, text(rng)])}={literal(rng)}"
            for _ in range(changes)
        ]
        return f"{name}({', '.join(given)})" if given else name
    if kind < 0.8:
        return mutated(rng, changes, name, TOKENS)
    if kind < 0.95:
        return "".join(rng.choices([*TOKENS, *names], k=changes + 1))
    return text(rng, 20)


def changed(rng: Random, changes: int, tree: Any, words: Sequence[str] = ()) -> Any:
    """A JSON tree in which a few places hold something else, or nothing."""
    paths = list(_paths(tree))
    for _ in range(changes):
        new = REMOVED if rng.random() < 0.2 else value(rng)
        if words and rng.random() < 0.5:
            new = rng.choice(words)
        tree = _put(tree, rng.choice(paths), new)
    return tree


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> Any:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list) and inner:
            yield from _paths(inner, (*path, key))


def _put(tree: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value at a path, if it is still there."""
    key, *rest = path
    keys = range(len(tree)) if isinstance(tree, list) else tree
    if not isinstance(tree, dict | list) or key not in keys:
        return tree
    if rest:
        new = _put(tree[key], tuple(rest), new)
    if isinstance(tree, list):
        return [*tree[:key], *([] if new is REMOVED else [new]), *tree[key + 1 :]]
    return {k: v for k, v in {**tree, key: new}.items() if v is not REMOVED}
