"""The command line, and what the reports may import."""

import ast
import pathlib
import runpy
import sys

import pytest

import jaxpad.reports
from jaxpad.reports.words import summary
from tests.reports.runs import make_mask_results, make_results


ALLOWED = {*sys.stdlib_module_names, "numpy", "matplotlib", "jinja2"}


def run_main(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["reports", *map(str, arguments)])
    runpy.run_module("jaxpad.reports", run_name="__main__")


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
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    own = ("jaxpad.reports.", "jaxpad.untrusted")
    outside = {name for name in imported if not name.startswith(own)}
    assert {name.split(".")[0] for name in outside} <= ALLOWED
