"""Reports of runs on texts: what is marked, and what is refused."""

import json
import pathlib
from typing import Any

import pytest

from jaxpad.reports.texts import LONGEST, Text, read_texts, spans


GOOD = {"key": "k", "tokens": ["a", "b"], "said": ["a", "c"], "told": [False, True]}


def written(folder: pathlib.Path, content: Any) -> pathlib.Path:
    path = folder / "examples.json"
    path.write_text(json.dumps(content))
    return path


def test_texts_come_back(tmp_path: pathlib.Path):
    assert read_texts(written(tmp_path, [GOOD])) == [Text(**GOOD)]
    assert read_texts(written(tmp_path, [])) == []


@pytest.mark.parametrize(
    "change",
    [
        {"key": 1},
        {"said": ["a"]},
        {"tokens": "ab"},
        {"told": [0, 1]},
        {"said": [None, "c"]},
    ],
)
def test_other_things_are_refused(tmp_path: pathlib.Path, change: dict):
    with pytest.raises(ValueError, match="other than texts"):
        read_texts(written(tmp_path, [GOOD | change]))


@pytest.mark.parametrize("content", [{}, [[]], ["a"]])
def test_no_list_of_texts(tmp_path: pathlib.Path, content: Any):
    with pytest.raises(ValueError, match=r"examples\.json"):
        read_texts(written(tmp_path, content))


def test_a_long_text_ends_early():
    n = LONGEST + 1
    found = list(spans(Text("k", ["a"] * n, ["a"] * n, [False] * n)))
    assert [span.text for span in found] == ["a" * LONGEST, " …"]
    assert found[0].said is None


def test_told_tokens_stand_alone():
    text = Text("k", list("abcd"), list("axcx"), [True, True, False, True])
    assert [(s.text, s.said, s.right) for s in spans(text)] == [
        ("a", "a", True),
        ("b", "x", False),
        ("c", None, False),
        ("d", "x", False),
    ]
