"""A small job that trains in seconds, for the tests of the trainer."""

import os
import pathlib
import subprocess
import sys

import ml_collections

from configs import default


ROOT = pathlib.Path(__file__).parents[2]

SMALL = {
    "model": "tests.train.networks:resnet8",
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


def environment(devices: int) -> dict[str, str]:
    """For a program that has so many virtual devices, whatever the tests have.

    What it compiles is kept for the next one.
    """
    return os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "JAX_COMPILATION_CACHE_DIR": os.environ.get("JAXPAD_TEST_PROGRAMS", ""),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3",
    }


def launch(
    workdir: pathlib.Path,
    *flags: str,
    file_kib: int | None = None,
    devices: int = 2,
    **changes,
) -> subprocess.CompletedProcess:
    """Trains until the end; no file can grow beyond `file_kib`, if given."""
    limit = f'ulimit -f {file_kib or "unlimited"}; exec "$@"'
    return subprocess.run(
        ["bash", "-c", limit, "--", *command(workdir, **changes), *flags],
        capture_output=True,
        text=True,
        check=False,
        env=environment(devices),
    )
