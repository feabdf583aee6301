"""Text that comes with every Python: what its standard library says of itself."""

import ast
import functools
import pathlib
import sysconfig
import warnings
from collections.abc import Iterator

import numpy as np

from ..records import DATASETS
from .records import Text, TextDataset, Texts


BYTES = 256
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@DATASETS.register
def stdlib_text() -> TextDataset:
    """The docstrings of Python's standard library, byte by byte.

    About 3,500 docstrings of modules, classes and functions, of those modules that are
    one file: 0.85 million bytes, half of the docstrings shorter than 100 and one in ten
    longer than 550. Every tenth module is for testing. Another Python has other texts,
    which the fingerprint of a run tells apart. A token is a byte of UTF-8; token 256
    stands for a hidden one.
    """
    train, test = _texts()
    return TextDataset(
        name="stdlib_text",
        classes=(*map(_shown, range(BYTES)), "[MASK]"),
        mask=BYTES,
        train=train,
        test=test,
        note=(
            "Docstrings of Python's standard library, a byte a token: half of them are "
            "shorter than 100 bytes and one in ten is longer than 550, so that rows "
            "with one text each are mostly padding."
        ),
    )


@functools.cache
def _texts() -> tuple[Texts, Texts]:
    parts: tuple[list[Text], list[Text]] = ([], [])
    said: set[str] = set()
    folder = pathlib.Path(sysconfig.get_path("stdlib"))
    for number, path in enumerate(sorted(folder.glob("*.py"))):
        for name, text in _docstrings(path):
            # Said once: a test text is none of those to train on.
            if text not in said:
                said.add(text)
                tokens = np.frombuffer(text.encode(), np.uint8)
                key = f"{path.stem}.{name}"
                parts[number % 10 == 9].append(Text(key, tokens))
    return Texts(parts[0]), Texts(parts[1])


def _docstrings(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in strings, which are theirs
        tree = ast.parse(path.read_bytes())
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield getattr(node, "name", "__doc__"), text
        # Statements alone: no docstring stands in an expression.
        inner = (n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt))
        nodes += [*inner][::-1]


def _shown(byte: int) -> str:
    """A byte as it stands in a text, or as a number."""
    return chr(byte) if 32 <= byte < 127 or byte == 10 else f"\\x{byte:02x}"
