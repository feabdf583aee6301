"""How a command ends: words and exit codes in place of tracebacks."""

import contextlib
import logging as standard
import os
import pathlib
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from absl import logging
from rich.console import Console


def fail(reason: str, code: int = 2) -> NoReturn:
    """Says why the command ends, and ends it."""
    print(f"error: {reason}", file=sys.stderr)
    sys.exit(code)


@contextlib.contextmanager
def prompt(stop: Any) -> Iterator[None]:
    """Ends a run that was asked to, without waiting for threads that still read."""
    try:
        yield
    except SystemExit as end:
        if not stop.asked:
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(end.code or 0))


@contextlib.contextmanager
def endings(stop: Any, console: Console, folder: pathlib.Path) -> Iterator[None]:
    """Turns what ends a run into words and an exit code."""
    from ..train import DamagedError, Exit, NumbersError, StoppedError

    go_on = f"stopped; to go on, run the same with --workdir={folder}"
    try:
        yield
    except StoppedError:
        console.print(go_on, highlight=False)
        sys.exit(stop.code)
    except KeyboardInterrupt:  # while the report is written
        console.print(go_on, highlight=False)
        sys.exit(130)
    except (TypeError, ValueError, ImportError) as error:
        fail(str(error))
    except NumbersError as error:
        fail(str(error), Exit.NUMBERS)
    except MemoryError as error:
        fail(str(error), Exit.MEMORY)
    except DamagedError as error:
        fail(str(error), Exit.DAMAGED)
    except OSError as error:
        fail(str(error), Exit.FAILED)


def quiet() -> None:
    """Leaves to words what libraries would log."""
    # Orbax logs every save, and every error that it also raises.
    logging.set_verbosity(logging.FATAL)
    standard.getLogger("jaxpad").setLevel(standard.WARNING)
    sys.unraisablehook = _unraisable


def _unraisable(found: Any) -> None:
    """Leaves out what tensorstore says of each array after a save has failed."""
    if str(found.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(found)
