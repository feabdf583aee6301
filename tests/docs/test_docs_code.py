"""The code in README.md and in the pages runs and prints what it says."""

import pathlib
import re
import runpy
import sys

import pytest

import jaxpad

from .pages import TEXTS, code_blocks, name_of


WITH_CODE = [path for path in TEXTS if code_blocks(path)]


@pytest.fixture
def own_code(tmp_path, monkeypatch):
    """Nothing that a page registers or imports is there for the next test."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)  # some pages write files
    monkeypatch.setattr(jaxpad.MODES, "_entries", dict(jaxpad.MODES._entries))
    monkeypatch.setattr(jaxpad.MODES, "laws", dict(jaxpad.MODES.laws))
    packers = jaxpad.batching.PACKERS
    monkeypatch.setattr(packers, "_entries", dict(packers._entries))
    there = jaxpad.attention.IMPLEMENTATIONS
    monkeypatch.setattr(there, "_entries", dict(there._entries))
    monkeypatch.setattr(there, "abilities", dict(there.abilities))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__path__", "")) + str(
            getattr(sys.modules[name], "__file__", "")
        ):
            del sys.modules[name]


@pytest.mark.parametrize("path", WITH_CODE, ids=name_of)
def test_code_runs_and_prints_what_it_says(path, own_code, capsys):
    namespace = {"__name__": "page"}
    for block in code_blocks(path):
        if file := re.match(r"# ([\w/]+\.py)\n", block):
            run_file(own_code / file[1], block)
            continue
        exec(compile(block, name_of(path), "exec"), namespace)
        printed = capsys.readouterr().out
        assert words(printed) == words("\n".join(promised(block)))


def test_pages_with_code_are_found():
    assert "README.md" in map(name_of, WITH_CODE)
    assert promised("print(1)  # 1\nx = 2\nprint(x)\n# 2\n") == ["1", "2"]


def run_file(path: pathlib.Path, text: str) -> None:
    """A block that begins with the name of a file is that file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    names = runpy.run_path(str(path))
    if "get_config" in names:
        names["get_config"]()


def promised(block: str) -> list[str]:
    """The output that a block tells of: after a print, or in its last lines."""
    lines = block.rstrip().splitlines()
    count = next(n for n, line in enumerate(lines[::-1]) if not line.startswith("#"))
    beside = [m[1] for line in lines if (m := re.match(r"print\(.*\)  # (.*)", line))]
    return beside + [line.removeprefix("# ") for line in lines[len(lines) - count :]]


def words(text: str) -> list[str]:
    """NumPy aligns columns with spaces, which say nothing."""
    return re.sub(r"([\[\]])", r" \1 ", text).split()
