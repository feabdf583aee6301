"""One run, its report, and what can be said of it without training."""

import datetime
import pathlib
import sys
from typing import Any, NoReturn

from absl import flags
from rich.console import Console

from .endings import endings, fail


def run_one(stop: Any, first: bool) -> None:
    """Trains the config of the flags; the first process writes the report.

    Args:
        stop: what may ask for an early end.
        first: whether this process is the first of its cluster, or alone.
    """
    # Imported after the flags are read, so that a typing error is answered at once.
    from ..reports import write_report
    from ..reports.words import summary
    from ..train import build, how_to_open, listening, run

    console, given = Console(soft_wrap=True, quiet=not first), flags.FLAGS
    folder = pathlib.Path(given.workdir or _new_folder(given.config))
    with endings(stop, console, folder):
        with listening(stop, console):
            results = run(
                build(given.config),
                folder,
                console,
                given.profile,
                stop=stop,
                allow_changes=given.allow_changes,
            )
        report = write_report(folder) if first else None
    if report is None:
        return
    console.print(summary(results, folder, report), highlight=False)
    if given.profile:
        console.print(how_to_open(folder), highlight=False)


def check() -> NoReturn:
    """Prints what a check finds, and exits with the worst of it."""
    import jax

    # Before anything asks for a device, and whatever the environment says.
    jax.config.update("jax_platforms", "cpu")
    from ..train import check_profile, preflight

    config, profile = flags.FLAGS.config, flags.FLAGS.profile
    folder = pathlib.Path(flags.FLAGS.workdir or _new_folder(config))
    worst = 0
    allow = flags.FLAGS.allow_changes
    for name, text, code in preflight(
        config, folder, check_profile(profile), allow_changes=allow
    ):
        first, *more = text.splitlines() or [""]
        print(f"{'error' if code else 'ok':6}{name:11}{first}")
        print(*(f"{'':17}{line}\n" for line in more), sep="", end="", flush=True)
        worst = max(worst, code)
    print("\nnothing was trained" if not worst else "\nthe run would fail")
    sys.exit(worst)


def plan(words: list[str]) -> NoReturn:
    """Prints and writes what compiled steps take; exits with 2 if one does not fit."""
    import jax

    if flags.FLAGS.topology is not None:
        # Before anything asks for a device: that TPU is only compiled for.
        jax.config.update("jax_platforms", "cpu")
    from ..train import compile_only

    given = flags.FLAGS
    folder = pathlib.Path(given.workdir or ".")
    try:
        text, path, fits = compile_only(
            given.config, words, given.topology, folder, Console(soft_wrap=True)
        )
    except (TypeError, ValueError, ImportError) as error:
        fail(str(error))
    except OSError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped")
    print(f"\n{text}\n\nwritten to {path}")
    sys.exit(0 if fits else 2)


def replay(path: pathlib.Path) -> NoReturn:
    """Prints where a step on a kept batch is not finite."""
    from ..train import DamagedError, Exit, build, replay

    folder = pathlib.Path(flags.FLAGS.workdir or path.parent)
    try:
        print(replay(build(flags.FLAGS.config), folder, path))
    except (TypeError, ValueError, ImportError) as error:
        fail(str(error))
    except DamagedError as error:
        fail(str(error), Exit.DAMAGED)
    sys.exit(0)


def _new_folder(config: Any) -> pathlib.Path:
    name = config.dataset.partition("(")[0].rpartition(":")[-1]
    now = datetime.datetime.now()
    return pathlib.Path("runs") / f"{name}-{now:%Y%m%d-%H%M%S}"
