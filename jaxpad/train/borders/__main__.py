"""What finished runs do near borders: borders.json and borders.npz in their folders."""

import argparse
import pathlib
import sys
from typing import Any

from rich.console import Console

from ...registry import restored
from ..build import Job, build
from ..checkpoint import Checkpoints, DamagedError, newest_good
from ..checkpoint.export import saved_config
from ..clock import progress
from ..lock import locked
from ..state import TrainState
from ..stop import Stop
from ..sweep.words import split
from .write import write_borders


BAD = 6  # exit code: no checkpoint is good


def main(argv: list[str] | None = None) -> None:
    arguments = _parser().parse_args(argv)
    try:
        for folder in arguments.folder:
            look(folder, arguments.paddings, arguments.imports)
    except KeyboardInterrupt:
        sys.exit(130)
    except DamagedError as error:
        _fail(error, BAD)
    except (ImportError, OSError, TypeError, ValueError) as error:
        _fail(error, 2)


def look(folder: pathlib.Path, paddings: str | None, imports: list[str]) -> None:
    """Measures the newest good checkpoint of a run, unless somebody has.

    Args:
        folder: of the run.
        paddings: names with commas between them; None for those of its config.
        imports: names such as "mylab.pads:polar" that its config may import.

    Raises:
        DamagedError: if there were checkpoints and none is good.
        ValueError: if the folder holds no run, or no checkpoint.
    """
    config: Any = saved_config(folder)
    given = config.get("cross_paddings", ()) if paddings is None else split(paddings)
    with config.unlocked():  # older runs have not these keys
        config.borders, config.cross_paddings = True, tuple(given)
    with restored(imports):
        job = build(config)
    console = Console(soft_wrap=True)
    with locked(folder):
        step, state = _newest(folder, job)
        with progress(job, step, 0.0, console) as clock:
            write_borders(folder, job, step, state, clock, Stop())
    print(folder / "borders.json")


def _newest(folder: pathlib.Path, job: Job) -> tuple[int, TrainState]:
    checkpoints = Checkpoints(folder / "checkpoints", job.checkpoints_kept)
    found = newest_good(checkpoints, job.placement.plain)
    checkpoints.close()
    if found is None:
        raise ValueError(f"{folder} holds no whole checkpoint: train for longer.")
    step, state = found
    return step, job.placement.store(state)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jaxpad.train.borders",
        description=__doc__,
        epilog="Exit codes: 0; 6 if no checkpoint is good; 2 if anything else is bad.",
    )
    parser.add_argument("folder", type=pathlib.Path, nargs="+", help="of a run")
    parser.add_argument(
        "--paddings",
        metavar="NAME,NAME",
        help="that the model is also tested under (default: the config's "
        "cross_paddings)",
    )
    parser.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="PACKAGE.MODULE:NAME",
        help="your own code that the run's config names; without this it is refused",
    )
    return parser


def _fail(error: Exception, code: int) -> None:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
