"""Files and functions stay of a size that can be read in one go."""

import ast
import pathlib
import statistics

import jaxpad


FILES = list(pathlib.Path(str(jaxpad.__file__)).parent.rglob("*.py"))


def lines_of_functions() -> list[int]:
    return [
        (node.end_lineno or 0) - node.lineno + 1
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]


def test_files():
    assert statistics.median(len(p.read_text().splitlines()) for p in FILES) <= 150


def test_functions():
    lines = lines_of_functions()
    assert statistics.median(lines) <= 12
    assert max(lines) <= 100
