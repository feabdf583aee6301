"""A run, from its folder to its results."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
from jax.experimental import multihost_utils
from rich.console import Console

from ..sharding import describe
from .build import Job
from .checkpoint import Checkpoints, saved_steps
from .clock import progress
from .exits import NumbersError, StoppedError
from .lock import locked
from .loop import Loop
from .metrics import MetricsLog, read_metrics
from .profile import Profile, check_profile
from .results import train_seconds, write_results
from .room import explained
from .skipped import Skips
from .stall import noticed
from .state import TrainState
from .stop import Stop
from .trackers import follow
from .workdir import check_data, open_workdir


def run(
    job: Job,
    folder: pathlib.Path,
    console: Console,
    profile: int | None = None,
    stop: Stop | None = None,
) -> dict[str, Any]:
    """Trains a job in a folder, from its newest checkpoint if it has one.

    In a cluster every process calls this. The first one writes what the run found; the
    others only a metrics.jsonl of their own, in `processes/N`, with their waiting.

    Args:
        job: from `build`.
        folder: where everything about the run is written; all processes see it.
        console: where progress is shown.
        profile: how many steps are traced, soon after the first, into the folder's
            `profile`; None for no trace.
        stop: what may ask for an early end; None for nothing.

    Returns:
        What stands in `results.json`; of other processes than the first, nothing.

    Raises:
        OSError: if the folder or the disk refuses.
        ValueError: if the folder holds a run of another config or on other data, or
            another process trains in it, config.weights do not fit, or fewer steps are
            left than are to be traced.
        StoppedError: if it was asked to end, and has saved a checkpoint.
        NumbersError: if too many steps in a row were not finite; likewise.
        MemoryError: if a device has too little, with what to change.
    """
    check_profile(profile)(job)  # before anything is made
    check_weights(job, folder)
    with contextlib.ExitStack() as held:
        if jax.process_index() == 0:
            open_workdir(folder, job.config, room_needed(job))
            held.enter_context(locked(folder))
            check_data(folder, job.batches.fingerprint())
        multihost_utils.sync_global_devices("the folder is open")
        console.print(_heading(job, folder), highlight=False)
        if any(job.split.stage) or job.split.offloaded:
            table = describe(job.split, job.placement.plain.params)
            console.print(table, highlight=False)
        with _enough_memory(job):
            return _run(job, folder, console, profile, stop or Stop())


def _run(
    job: Job, folder: pathlib.Path, console: Console, profile: int | None, stop: Stop
) -> dict[str, Any]:
    first = jax.process_index() == 0
    checkpoints = Checkpoints(folder / "checkpoints", job.checkpoints_kept)
    start = checkpoints.latest() or 0
    trace = Profile(folder / "profile", start, job.steps, profile)
    # A checkpoint has all of the state, so what it began with may be gone.
    state = restored(job, checkpoints, start) if start else job.init()
    if start:
        console.print(f"going on from step {start} of {job.steps}")
    trackers = follow(job.trackers, folder, job.config) if first else ()
    own = _own(folder)
    log = MetricsLog(own, start, trackers)
    skips = Skips(own, start, job.batches, job.max_skips)
    try:
        before = train_seconds(read_metrics(log.path))
        with progress(job, start, before, console) as clock, noticed(stop, clock.doing):
            loop = Loop(job, state, start, checkpoints, log, skips, clock, trace, stop)
            try:
                loop.train()
            except (StoppedError, NumbersError):
                loop.save()
                raise
    finally:
        trace.close()
        log.close()
        checkpoints.close()
    rows = read_metrics(log.path)
    return write_results(folder, job, loop.evaluation, rows) if first else {}


@contextlib.contextmanager
def _enough_memory(job: Job) -> Iterator[None]:
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        mesh = dict(job.placement.mesh.shape)
        raise MemoryError(explained(str(error), job.config, mesh)) from error


def restored(job: Job, checkpoints: Checkpoints, step: int) -> TrainState:
    """The state after a step, as the next one takes it."""
    return job.placement.store(checkpoints.restore(step, job.placement.plain))


def _own(folder: pathlib.Path) -> pathlib.Path:
    """Where this process logs."""
    if number := jax.process_index():
        folder = folder / "processes" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_weights(job: Job, folder: pathlib.Path) -> None:
    """Raises if a run would begin with weights that do not fit.

    Raises:
        ValueError: if config.weights cannot be read, or are another model's.
    """
    if job.config["weights"] and not saved_steps(folder):
        jax.eval_shape(job.init)


def room_needed(job: Job) -> int:
    """Bytes that a run's folder takes at most, about.

    One checkpoint more than is kept lies there while a new one is written.
    """
    return (job.checkpoints_kept + 1) * job.state_bytes + 2**20


def _heading(job: Job, folder: pathlib.Path) -> str:
    data, config = job.dataset, job.config
    return (
        f"{config['model']}, {job.parameters:,} parameters, "
        f"padding {config['padding']}\n"
        f"{data.name}: {len(data.train):,} images to train on, "
        f"{len(data.test):,} to test, "
        f"{job.batches.steps_per_epoch} steps an epoch\n"
        f"on {jax.devices()[0].device_kind} x{jax.device_count()}, into {folder}"
    )
