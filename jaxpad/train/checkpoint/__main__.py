"""The command: export a run's trained model."""

import argparse
import pathlib
import sys

from .export import export_run


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m jaxpad.train.checkpoint", description=__doc__
    )
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write the newest checkpoint's model")
    export.add_argument("folder", type=pathlib.Path, help="of the run")
    export.add_argument(
        "target",
        type=pathlib.Path,
        help="NAME.stablehlo (a program), NAME.safetensors, or a new folder (Orbax)",
    )
    export.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="PACKAGE.MODULE:NAME",
        help="your own code that the run's config names; without this it is refused",
    )
    given = parser.parse_args()
    try:
        print(export_run(given.folder, given.target, given.imports))
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
