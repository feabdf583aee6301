"""The checkpoints of a run: which there are, whether they are good, what differs."""

import argparse
import pathlib
import sys

import jax

from .export import export_run
from .look import diff, find, table, verify
from .manifest import DamagedError


BAD = 6  # exit code: a checkpoint is damaged


def main() -> None:
    arguments = _parser().parse_args()
    try:
        sys.exit(arguments.do(arguments))
    except DamagedError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(BAD)
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jaxpad.train.checkpoint",
        description=__doc__,
        epilog="Exit codes: 0; 6 if a checkpoint is damaged; 2 if anything else is "
        "wrong. Nothing here changes a run's folder.",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def add(do, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(do.__name__[1:], help=text, description=text)
        command.set_defaults(do=do)
        return command

    command = add(_list, "A table of a run's checkpoints, without reading them.")
    command.add_argument("folder", type=pathlib.Path, help="of the run")
    command = add(_verify, "Read every file and array, and say what is damaged.")
    command.add_argument("folder", type=pathlib.Path, help="of the run")
    command.add_argument("--step", type=int, help="of one checkpoint (default: all)")
    command = add(_diff, "Say which arrays of two checkpoints differ, and by how much.")
    command.add_argument(
        "folder",
        nargs="+",
        help="RUN: its newest two checkpoints; RUN STEP STEP: two others; or RUN RUN: "
        "the newest of each, and their configs (also RUN/checkpoints/STEP)",
    )
    command = add(_export, "Write the newest checkpoint's model for other programs.")
    command.add_argument("folder", type=pathlib.Path, help="of the run")
    command.add_argument(
        "target",
        type=pathlib.Path,
        help="NAME.stablehlo (a program), NAME.safetensors (the arrays, also to begin "
        "a new run with), or a new folder (the arrays, for Orbax)",
    )
    command.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="PACKAGE.MODULE:NAME",
        help="your own code that the run's config names; without this it is refused",
    )
    return parser


def _list(arguments: argparse.Namespace) -> int:
    print(table(arguments.folder))
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    _keep_off_accelerators()
    bad = False
    for name, found in verify(arguments.folder, arguments.step):
        # The name stands there while a large one is read.
        print(found or f"step {name}: ", end="\n" * bool(found), flush=True)
        bad |= found.startswith("damaged")
    return BAD if bad else 0


def _diff(arguments: argparse.Namespace) -> int:
    _keep_off_accelerators()
    for line in diff(*find(arguments.folder)):
        print(line)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    print(export_run(arguments.folder, arguments.target, arguments.imports))
    return 0


def _keep_off_accelerators() -> None:
    """A run may be using them."""
    jax.config.update("jax_platforms", "cpu")


if __name__ == "__main__":
    main()
