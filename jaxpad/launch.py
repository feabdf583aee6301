"""Train a model: flags, config, workdir; no logic.

python launch.py [--config FILE] [--config.KEY=VALUE ...] [--workdir DIR]
"""

import datetime
import pathlib
import sys

from absl import app, flags, logging
from ml_collections import config_flags
from rich.console import Console


# In a wheel the configs lie inside the package, in a checkout beside it.
_HERE = pathlib.Path(__file__).parent
_CONFIGS = next(p for p in (_HERE / "configs", _HERE.parent / "configs") if p.exists())

_CONFIG = config_flags.DEFINE_config_file(
    "config", str(_CONFIGS / "default.py"), "The job: a file with get_config()."
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where the run's files go; the same folder again goes on."
)


def _main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected {argv[1]!r}: flags begin with --")
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)  # Orbax tells of every save
    console = Console(soft_wrap=True)
    # Imported after the flags are read, so that a typing error is answered at once.
    from .reports import write_report
    from .train import build, run

    config = _CONFIG.value
    name = f"{config.dataset}-{config.padding}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    folder = pathlib.Path(_WORKDIR.value or pathlib.Path("runs") / name)
    try:
        results = run(build(config), folder, console)
        report = write_report(folder)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(f"stopped; to go on, run the same with --workdir={folder}")
    test, (low, high) = results["test"], results["test"]["interval"]
    console.print(
        f"\ntest accuracy {test['accuracy']:.2%} (95% interval {low:.1%} to {high:.1%}, "
        f"{test['correct']} of {test['examples']} images)\n"
        f"training took {results['train_seconds']:.0f} s\n"
        f"files  {folder}\nreport {report}",
        highlight=False,
    )


def _parse(argv: list[str]) -> list[str]:
    try:
        return app.parse_flags_with_usage(argv)
    except (AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        sys.exit(f"error: {error}")


def main() -> None:
    """The `jaxpad` command."""
    app.run(_main, flags_parser=_parse)
