"""A sweep: its runs, as processes or as one program, and its report."""

import contextlib
import pathlib
import sys
from typing import Any, NoReturn

from absl import flags
from ml_collections import config_flags
from rich.console import Console

from .config import of_config
from .endings import endings, fail, prompt


def run_sweep(words: list[str]) -> NoReturn:
    """Trains what is missing of a sweep, or lists it."""
    from ..train.sweep import SCRIPTS, listed, own_sweep, read_sweep, runs_of, sweep

    given = flags.FLAGS
    path = pathlib.Path(config_flags.get_config_filename(given["config"]))
    folder = pathlib.Path(given.workdir or f"runs/{path.stem}-sweep")
    try:
        arms = read_sweep(words, given.config) if words else own_sweep(path)
        runs, command = runs_of(given.config, arms, folder), of_config(sys.argv)
        if given.dry_run:
            print(listed(runs))
        elif given.print:
            print(SCRIPTS[given.print](runs, ["python", *command]))
        elif given.one_program and not given.jobs:
            sys.exit(_seeds(runs))
        else:
            console, command = Console(soft_wrap=True), [sys.executable, *command]
            how = {"jobs": given.jobs, "one_program": given.one_program}
            code = sweep(given.config, runs, folder, command, console, **how)
            if code in (0, 1) and any(run.state == "finished" for run in runs):
                _report_sweep(folder, console)
            sys.exit(code)
        sys.exit(0)
    except (TypeError, ValueError, ImportError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error}. --workdir={folder}: expected a folder to write into.", 1)


def _seeds(runs: Any) -> int:
    """Trains runs as one program, in this process; returns the worst exit code."""
    from ..train import listening
    from ..train.sweep import OUTPUT, SharedStop, together

    stop, worst = SharedStop(), 0
    with prompt(stop), listening(stop, Console(soft_wrap=True)):
        ended = together(flags.FLAGS.config, runs, stop)
    for run, error in zip(runs, ended, strict=True):
        with (run.folder / OUTPUT).open("a") as output:
            worst = max(worst, _ended(run.folder, error, stop, output))
    return worst


def _ended(folder: pathlib.Path, error: Any, stop: Any, output: Any) -> int:
    """Writes the report of a run, or says what has ended it; returns its exit code."""
    from ..reports import write_report

    console = Console(file=output, soft_wrap=True)
    try:
        with contextlib.redirect_stderr(output), endings(stop, console, folder):
            if error is not None:
                raise error
            write_report(folder)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _report_sweep(folder: pathlib.Path, console: Console) -> None:
    """Writes the page of a sweep that has come to its end."""
    from ..reports.sweeps import write_sweep_report

    report = write_sweep_report(folder)
    console.print(f"report  {report}", highlight=False, markup=False)
