"""Write a run's report again: `python -m jaxpad.reports RUN_DIR`."""

import argparse
from collections.abc import Sequence

from jaxpad.reports.page import write_report


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the report of the folder named on the command line.

    Args:
        arguments: the words after the program's name; `None` takes them from the
            command line.

    Raises:
        SystemExit: with status 2 and one message where the folder is not a run's.
    """
    parser = argparse.ArgumentParser(prog="python -m jaxpad.reports")
    parser.description = "Writes report.html into the folder of one finished run."
    parser.add_argument("run_dir", metavar="RUN_DIR", help="the folder of the run")
    run_dir = parser.parse_args(arguments).run_dir
    try:
        print(write_report(run_dir))
    except (OSError, ValueError) as error:
        parser.error(f"argument RUN_DIR: {error}")


if __name__ == "__main__":
    main()
