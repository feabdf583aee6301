"""Write a report: `python -m jaxpad.reports DIR`, or `... compare RUN_DIR RUN_DIR`."""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from jaxpad.reports.compare import write_comparison
from jaxpad.reports.page import write_report
from jaxpad.reports.sweeps import is_sweep, write_sweep_report


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the report of the folder named on the command line.

    Args:
        arguments: the words after the program's name; `None` takes them from the
            command line.

    Raises:
        SystemExit: with status 2 and one message where the folder is not a run's, and
            holds none.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["compare"]:
        return _compare(words[1:])
    parser = argparse.ArgumentParser(prog="python -m jaxpad.reports")
    parser.description = (
        "Writes report.html into the folder of one finished run, or into a folder of "
        "runs, with report.json and figures/. `compare RUN_DIR RUN_DIR` puts two runs "
        "side by side."
    )
    help_text = "the folder of a run, or of runs"
    parser.add_argument("run_dir", metavar="RUN_DIR", help=help_text)
    help_text = "of runs: the arm that others are compared with, like padding=zero"
    parser.add_argument("--baseline", metavar="ARM", help=help_text)
    given = parser.parse_args(words)
    several = is_sweep(pathlib.Path(given.run_dir))
    if given.baseline and not several:
        parser.error("argument --baseline: it is for a folder of runs: leave it out.")
    try:
        if several:
            print(write_sweep_report(given.run_dir, given.baseline))
        else:
            print(write_report(given.run_dir))
    except (OSError, ValueError) as error:
        parser.error(f"argument RUN_DIR: {error}")


def _compare(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m jaxpad.reports compare")
    parser.description = "Writes compare.html, about two runs, into this folder."
    parser.add_argument("one", metavar="A", help="the folder of a run")
    parser.add_argument("other", metavar="B", help="the folder of another run")
    given = parser.parse_args(words)
    try:
        text, path = write_comparison(given.one, given.other)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f"{text}\n\n{path}")


if __name__ == "__main__":
    main()
