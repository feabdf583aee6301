"""The loop over steps: time, logging, evaluation and checkpoints; no maths."""

import contextlib
import pathlib
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from rich.console import Console

from ..data import Batch, read_ahead
from ..sharding import describe
from .build import Job
from .checkpoint import Checkpoints, newest_good, saved_steps
from .clock import Clock, progress
from .metrics import MetricsLog, read_metrics
from .profile import Profile, check_profile
from .results import train_seconds, write_results
from .state import TrainState
from .step import Metrics
from .trackers import follow
from .workdir import adopt, check_data, open_workdir


SHOWN = 12  # test images whose masks are kept for the report


def run(
    job: Job,
    folder: pathlib.Path,
    console: Console,
    profile: int | None = None,
    *,
    allow_changes: bool = False,
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
        allow_changes: whether a run goes on under a config, or on data, that change
            what it learns.

    Returns:
        What stands in `results.json`; of other processes than the first, nothing.

    Raises:
        OSError: if the folder or the disk refuses.
        DamagedError: if the run has written checkpoints and none is good.
        ValueError: if the folder holds a run of another config, on other data or of
            another model, config.weights do not fit, or fewer steps are left than are
            to be traced.
    """
    check_profile(profile)(job)  # before anything is made
    check_weights(job, folder)
    first = jax.process_index() == 0
    data = job.batches.fingerprint() if first else ""
    if first:
        allow, room = {"allow_changes": allow_changes}, room_needed(job)
        changes = open_workdir(folder, job.config, room, **allow)
        changes += check_data(folder, data, **allow)
        console.print(*changes, sep="\n", end="\n" * bool(changes), markup=False)
    multihost_utils.sync_global_devices("the folder is open")
    console.print(_heading(job, folder), highlight=False)
    if any(job.split.stage) or job.split.offloaded:
        table = describe(job.split, job.placement.plain.params)
        console.print(table, highlight=False)
    checkpoints = Checkpoints(folder / "checkpoints", job.checkpoints_kept)
    # A checkpoint has all of the state, so what it began with may be gone.
    found = newest_good(checkpoints, job.placement.plain)
    start, state = found or (0, job.placement.plain)
    trace = Profile(folder / "profile", start, job.steps, profile)
    state = job.placement.store(state) if start else job.init()
    if first:
        adopt(folder, job.config, data, start)
    if start:
        console.print(f"going on from step {start} of {job.steps}")
    trackers = follow(job.trackers, folder, job.config) if first else ()
    log = MetricsLog(_own(folder), start, trackers)
    try:
        before = train_seconds(read_metrics(log.path))
        with progress(job, start, before, console) as clock:
            evaluation = _train(job, state, start, checkpoints, log, clock, trace)
    finally:
        trace.close()
        log.close()
        checkpoints.close()
    rows = read_metrics(log.path)
    return write_results(folder, job, evaluation, rows) if first else {}


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


def _train(
    job: Job,
    state: TrainState,
    start: int,
    checkpoints: Checkpoints,
    log: MetricsLog,
    clock: Clock,
    trace: Profile,
) -> Any:
    evaluation, pending = None, None
    batches = read_ahead(job.batches, start, job.steps, workers=job.workers)
    with contextlib.closing(batches):
        for done in range(start + 1, job.steps + 1):
            with trace.step(done, clock):
                with clock.waiting():
                    batch = job.place(next(batches))
                with clock.compiling(done == start + 1, "the training step"):
                    state, metrics = job.train_step(state, batch)
            trace.end(done, metrics, clock)
            checkpoints.check()
            # The next step is queued before the last one's numbers are fetched, so
            # that the device does not wait for the log.
            if pending:
                log.write(_row(job, clock, *pending))
            pending = (done, metrics)
            last = done == job.steps
            evaluate_now = last or done % job.eval_steps == 0
            save_now = last or done % job.checkpoint_steps == 0
            if not (evaluate_now or save_now):
                continue
            log.write(_row(job, clock, *pending))
            pending = None
            with clock.paused():
                if evaluate_now:
                    evaluation = _evaluate(job, state, clock)
                    figures = evaluation.figures()
                    log.write({**_test_row(job, done, figures), **_spectra(job, state)})
                    clock.show(done, figures)
                # The log is ahead of the checkpoint, never behind it: what stands
                # there beyond the checkpoint is dropped and written again.
                if save_now:
                    with clock.busy("saving a checkpoint"):
                        plain = job.placement.unpack(state)
                        checkpoints.save(done, plain, wait=last)
    return evaluation or _evaluate(job, state, clock)


def _evaluate(job: Job, state: TrainState, clock: Clock) -> Any:
    def step(batch: Batch) -> Any:
        return job.eval_step(state, job.place(batch))

    batches = clock.evaluating(read_ahead(job.test_batches, workers=job.workers))
    if job.dataset.task == "classification":
        return job.task.evaluate(step, batches)
    count = len(job.dataset.test)
    shown = np.linspace(0, count - 1, min(SHOWN, count)).round().astype(int)
    return job.task.evaluate(step, batches, set(shown.tolist()))


def _spectra(job: Job, state: TrainState) -> dict[str, float]:
    if job.spectra is None:
        return {}
    found = jax.device_get(job.spectra(state))
    return {name: float(value) for name, value in found.items()}


def _row(job: Job, clock: Clock, step: int, metrics: Metrics) -> dict[str, Any]:
    values = {name: float(v) for name, v in jax.device_get(metrics).items()}
    rate = clock.tick(step, values["loss"])
    epoch = step / job.batches.steps_per_epoch
    return {"step": step, "epoch": epoch, **values, **rate}


def _test_row(job: Job, step: int, figures: dict[str, float]) -> dict[str, Any]:
    tested = {f"test_{name}": value for name, value in figures.items()}
    return {"step": step, "epoch": step / job.batches.steps_per_epoch, **tested}
