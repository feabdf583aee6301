"""Where the runs of a sweep are: each process has cores or chips of its own."""

import json
import os
import subprocess
import sys
from typing import NamedTuple


class Place(NamedTuple):
    """What one process at a time has.

    Attributes:
        variables: of its environment.
        cores: that it may use; empty for all.
    """

    variables: dict[str, str]
    cores: frozenset[int] = frozenset()


# What libtpu calls the chips of a process, by their number.
BOUNDS = {1: "1,1,1", 2: "1,2,1", 4: "2,2,1"}
_ASKED = (
    "import jax, json; "
    "print(json.dumps([jax.default_backend(), jax.local_device_count()]))"
)


def places(jobs: int) -> list[Place]:
    """Places for so many processes, which share nothing.

    The devices are asked for in a process that ends: this one must not hold them.

    Args:
        jobs: processes at a time; 1 has all that there is.

    Raises:
        ValueError: if there are fewer devices, or fewer cores, than processes, or the
            devices cannot be shared evenly.
        OSError: if jax finds no device.
    """
    if jobs < 1:
        raise ValueError(f"--jobs={jobs}: expected at least 1.")
    if jobs == 1:
        return [Place({})]
    backend, count = _devices()
    if backend == "cpu":
        return _of_cores(jobs)
    if count % jobs:
        raise ValueError(
            f"--jobs={jobs}: {count} devices of kind {backend} cannot be shared "
            f"evenly; --jobs={count} gives each process one."
        )
    each = count // jobs
    return [_of_chips(backend, n * each, each) for n in range(jobs)]


def one_place(runs: int) -> tuple[Place, int]:
    """A place with a device for each run, and how many devices that are at most.

    Of a CPU there are as many devices as one asks for, which share its cores.

    Args:
        runs: that want one.

    Raises:
        OSError: if jax finds no device.
    """
    backend, count = _devices()
    if backend != "cpu":
        return Place({}), count
    flags = os.environ.get("XLA_FLAGS", "")
    own = f"{flags} --xla_force_host_platform_device_count={runs}".strip()
    return Place({"XLA_FLAGS": own}), runs


def _devices() -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", _ASKED], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"--jobs: jax finds no device here: {done.stderr[-500:]}")
    backend, count = json.loads(done.stdout.splitlines()[-1])
    return backend, count


def _of_cores(jobs: int) -> list[Place]:
    cores = sorted(os.sched_getaffinity(0))
    if jobs > len(cores):
        raise ValueError(
            f"--jobs={jobs}: there are {len(cores)} cores; give at most as many."
        )
    return [Place({}, frozenset(cores[n::jobs])) for n in range(jobs)]


def _of_chips(backend: str, first: int, count: int) -> Place:
    name = "TPU_VISIBLE_CHIPS" if backend == "tpu" else "CUDA_VISIBLE_DEVICES"
    given = os.environ.get(name)  # the cluster may have lent some only
    seen = given.split(",") if given else [str(n) for n in range(first + count)]
    variables = {name: ",".join(seen[first : first + count])}
    if backend != "tpu":
        return Place(variables)
    if count not in BOUNDS:
        raise ValueError(
            f"--jobs: {count} TPU chips are no rectangle; give each process one of "
            f"{', '.join(map(str, BOUNDS))} chips."
        )
    alone = {
        "TPU_CHIPS_PER_PROCESS_BOUNDS": BOUNDS[count],
        "TPU_PROCESS_BOUNDS": "1,1,1",
    }
    return Place(variables | alone)
