"""A small job that trains in seconds, for the tests of the trainer."""

import pathlib
import resource
import subprocess
import sys

import ml_collections

from configs import default


ROOT = pathlib.Path(__file__).parents[2]

SMALL = {
    "model": "resnet20(width=4)",
    "epochs": 2,
    "warmup_epochs": 0.5,
    "batch_size": 128,
    "checkpoint_steps": 4,
}


def small_config(**changes) -> ml_collections.ConfigDict:
    config = default.get_config()
    config.update(SMALL | changes)
    return config


def command(workdir: pathlib.Path, **changes) -> list[str]:
    """The command line that trains `small_config(**changes)` in a folder."""
    keys = [f"--config.{key}={value}" for key, value in (SMALL | changes).items()]
    return [sys.executable, str(ROOT / "launch.py"), f"--workdir={workdir}", *keys]


def launch(
    workdir: pathlib.Path, *, largest_file: int | None = None, **changes
) -> subprocess.CompletedProcess:
    """Trains until the end; files cannot grow beyond `largest_file` bytes."""

    def limit() -> None:
        if largest_file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(
        command(workdir, **changes),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
