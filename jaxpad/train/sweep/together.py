"""Runs that differ in the seed alone, as one program: each has a device of its own."""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import jax
from rich.console import Console

from ..build import build
from ..exits import StoppedError
from ..running import run
from ..stop import Stop
from .lanes import Lanes
from .meeting import Meeting
from .processes import OUTPUT
from .runs import Run, seeds
from .words import with_overrides


class SharedStop(Stop):
    """Of runs in threads: all of them end after their next tick."""

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """A signal breaks nothing off: it reaches only the main thread."""
        if self.asked:
            raise StoppedError
        yield


def together(config: Any, runs: Sequence[Run], stop: Stop) -> list[Exception | None]:
    """Trains runs that differ in the seed alone, each on a device of its own.

    The training step of all of them is one program, and so is the test; the rest is
    theirs, in a thread for each: folder, log, checkpoints. One that fails or goes on
    from another step holds none up.

    Args:
        config: a `ConfigDict`.
        runs: at most as many as there are devices.
        stop: what may ask for an early end.

    Returns:
        What has ended each; None where it is finished.

    Raises:
        ValueError: if they differ in more, a run is to have several devices, or there
            are too few.
    """
    devices = _checked(config, runs)
    jobs = [
        build(with_overrides(config, run.overrides), [device])
        for run, device in zip(runs, devices, strict=True)
    ]
    train, test = (_not_jitted(s) for s in (jobs[0].train_step, jobs[0].eval_step))
    steps = {"train": Lanes(train, devices, donate=(0,)), "test": Lanes(test, devices)}
    meeting = Meeting(steps, devices)
    ended: list[Exception | None] = [None] * len(runs)

    def lane(n: int) -> None:
        job = dataclasses.replace(
            jobs[n],
            train_step=meeting.function("train", n),
            eval_step=meeting.function("test", n),
        )
        folder = runs[n].folder
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with (folder / OUTPUT).open("a") as output:
                run(job, folder, Console(file=output, soft_wrap=True), stop=stop)
        except Exception as error:
            ended[n] = error
        finally:
            meeting.leave(n)

    threads = [threading.Thread(target=lane, args=(n,)) for n in range(len(runs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def _not_jitted(step: Any) -> Any:
    return step.__wrapped__


def _checked(config: Any, runs: Sequence[Run]) -> list[Any]:
    """A device for each run."""
    devices = jax.devices()
    if len(seeds(runs, len(runs))) > 1:
        raise ValueError(
            "--one_program: in one process it trains runs that differ in the seed "
            "alone; leave out --jobs=0."
        )
    if config.offload:
        raise ValueError("--one_program: config.offload=True is for one run at a time.")
    if len(runs) > len(devices):
        raise ValueError(
            f"--one_program: {len(runs)} runs need as many devices, and here are "
            f"{len(devices)}; leave out --jobs=0."
        )
    return devices[: len(runs)]
