"""Two runs side by side, on the terminal and on a page."""

import pathlib

import pytest

from tests.reports.pages import Page, run_main, svg_texts
from tests.reports.sweeps import write_run


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {"seed": 0, "padding": "zero", "model": {"name": "a"}}
    write_run(tmp_path / "one", config, 0.8)
    write_run(tmp_path / "other", config | {"padding": "<i>", "epochs": 9}, 0.9)
    return tmp_path


def test_differences_are_printed_and_written(runs, monkeypatch, capsys):
    run_main(monkeypatch, "compare", "one", "other")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A and B differ in"
    assert [line.split() for line in lines[1:4]] == [
        ["one", "other"],
        ["padding", '"zero"', '"<i>"'],
        ["epochs", "none", "9"],
    ]
    assert ["test", "accuracy", "80.00%", "90.00%"] in [x.split() for x in lines]
    assert ["training", "step", "10", "ms", "10", "ms"] in [x.split() for x in lines]
    assert lines[-1] == "compare.html"
    text = pathlib.Path("compare.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "http" not in text
    assert "<i>" not in text
    assert page.of("td")[:4] == ['"zero"', '"<i>"', "none", "9"]
    assert "One run of each says nothing of chance" in page.text
    texts = svg_texts(page.images("svg+xml")[0])
    assert {"A: one (n = 1)", "B: other (n = 1)", "test accuracy (%)"} <= set(texts)


def test_the_same_config_is_said(runs, monkeypatch, capsys):
    write_run(
        runs / "third", {"seed": 0, "padding": "zero", "model": {"name": "a"}}, 0.8
    )
    run_main(monkeypatch, "compare", "one", "third")
    assert capsys.readouterr().out.startswith("A and B have the same config\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["one", "one"], "both folders are 'one'; expected two runs"),
        (["one", "gone"], "workdir='gone' is not a folder"),
        (["one"], "the following arguments are required: B"),
        (["one", "masks"], "'one' is of classification and 'masks' of segmentation"),
    ],
)
def test_what_cannot_be_compared_is_one_message(
    runs, monkeypatch, capsys, words, message
):
    write_run(runs / "masks", {"seed": 0}, 0.5, task="segmentation")
    with pytest.raises(SystemExit) as stop:
        run_main(monkeypatch, "compare", *words)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert not pathlib.Path("compare.html").exists()
