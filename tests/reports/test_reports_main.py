"""The command line, and what the reports may import."""

import ast
import json
import pathlib
import sys

import pytest

import jaxpad.reports
from jaxpad.reports.words import summary
from tests.reports.pages import run_main
from tests.reports.runs import make_mask_results, make_results
from tests.reports.sweeps import write_sweep


ALLOWED = {*sys.stdlib_module_names, "numpy", "scipy", "matplotlib", "jinja2"}


def test_prints_the_path(make_run, monkeypatch, capsys):
    folder = make_run()
    run_main(monkeypatch, folder)
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    assert (folder / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "results.json").unlink(), "has no results.json"),
        (lambda folder: folder.rename(f"{folder}-gone"), "is not a folder"),
        (lambda folder: (folder / "config.json").write_text("{"), "is not JSON"),
    ],
)
def test_errors_are_one_message(make_run, monkeypatch, capsys, spoil, words):
    folder = make_run()
    spoil(folder)
    with pytest.raises(SystemExit) as stop:
        run_main(monkeypatch, folder)
    printed = capsys.readouterr()
    assert stop.value.code == 2
    assert not printed.out
    assert "error: argument RUN_DIR: " in printed.err
    assert words in printed.err


def test_a_folder_of_runs_is_reported_as_a_sweep(tmp_path, monkeypatch, capsys):
    arms = {"circular": [0.8, 0.82], "reflect": [0.7, 0.73]}
    folder = write_sweep(tmp_path, arms, steps=3)
    run_main(monkeypatch, folder, "--baseline", "padding=reflect")
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    numbers = json.loads((folder / "report.json").read_text())
    assert numbers["baseline"] == "padding=reflect"


@pytest.mark.parametrize(
    ("arms", "baseline", "words"),
    [
        (
            {"zero": [0.8]},
            "zero",
            "no finished arm is 'zero'; expected one of padding=",
        ),
        (
            {"zero": [None]},
            "padding=zero",
            "is finished (padding=zero,seed=0-0123abcd:",
        ),
    ],
)
def test_errors_of_a_sweep_are_one_message(
    tmp_path, monkeypatch, capsys, arms, baseline, words
):
    folder = write_sweep(tmp_path, arms)
    with pytest.raises(SystemExit) as stop:
        run_main(monkeypatch, folder, "--baseline", baseline)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err
    assert not (folder / "report.html").exists()


def test_a_baseline_is_for_folders_of_runs(make_run, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run_main(monkeypatch, make_run(), "--baseline", "padding=zero")
    assert "it is for a folder of runs: leave it out" in capsys.readouterr().err


def test_end_of_a_run_puts_the_trivial_predictor_beside_it():
    folder, report = pathlib.Path("runs/a"), pathlib.Path("runs/a/report.html")
    assert summary(make_results(), folder, report).splitlines()[1:] == [
        "test accuracy 86.67% (95% interval 70.3% to 94.7%, 26 of 30 images)",
        "trivial       33.33% (the best answer that is the same for every image)",
        "training      60.2 s",
        "files         runs/a",
        "report        runs/a/report.html",
    ]
    assert summary(make_mask_results(), folder, report).splitlines()[1:3] == [
        "test mIoU 70.00% (9 images; pixel accuracy 92.00%)",
        "trivial   45.00% (the best answer that is the same for every pixel)",
    ]


def test_reads_results_and_logs_only():
    folder = pathlib.Path(jaxpad.reports.__file__).parent
    imported = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    own = ("jaxpad.reports.", "jaxpad.untrusted")
    outside = {name for name in imported if not name.startswith(own)}
    assert {name.split(".")[0] for name in outside} <= ALLOWED
