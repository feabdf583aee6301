"""The loop over steps: time, logging, evaluation and checkpoints; no maths."""

import contextlib
import functools
import math
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import jax
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from ..data import EvalBatches
from .build import Job
from .checkpoint import Checkpoints
from .evaluate import Evaluation, evaluate
from .metrics import MetricsLog, read_metrics
from .results import train_seconds, write_results
from .state import TrainState
from .step import Metrics
from .workdir import open_workdir


def run(job: Job, folder: pathlib.Path, console: Console) -> dict[str, Any]:
    """Trains a job in a folder, from its newest checkpoint if it has one.

    Args:
        job: from `build`.
        folder: where everything about the run is written.
        console: where progress is shown.

    Returns:
        What stands in `results.json`.

    Raises:
        OSError: if the folder or the disk refuses.
        ValueError: if the folder holds a run of another config.
    """
    # One checkpoint more than is kept lies there while a new one is written.
    room = (job.checkpoints_kept + 1) * job.state_bytes + 2**20
    open_workdir(folder, job.config, room)
    console.print(_heading(job, folder), highlight=False)
    checkpoints = Checkpoints(folder / "checkpoints", job.checkpoints_kept)
    start = checkpoints.latest() or 0
    state = job.init()
    if start:
        state = checkpoints.restore(start, state)
        console.print(f"going on from step {start} of {job.steps}")
    log = MetricsLog(folder, start)
    try:
        before = train_seconds(read_metrics(log.path))
        with _progress(job, start, before, console) as clock:
            evaluation = _train(job, state, start, checkpoints, log, clock)
    finally:
        log.close()
        checkpoints.close()
    rows = read_metrics(log.path)
    return write_results(folder, job, evaluation, rows)


def _heading(job: Job, folder: pathlib.Path) -> str:
    data, config = job.dataset, job.config
    return (
        f"{config['model']}, {job.parameters:,} parameters, "
        f"padding {config['padding']}\n"
        f"{data.name}: {len(data.train):,} images to train on, "
        f"{len(data.test):,} to test, "
        f"{job.batches.steps_per_epoch} steps an epoch\n"
        f"on {jax.devices()[0].device_kind} x{jax.device_count()}, into {folder}; the "
        "first step and the first evaluation compile for some seconds"
    )


def _train(
    job: Job,
    state: TrainState,
    start: int,
    checkpoints: Checkpoints,
    log: MetricsLog,
    clock: "_Clock",
) -> Evaluation:
    evaluation, pending = None, None
    for done in range(start + 1, job.steps + 1):
        state, metrics = job.train_step(state, job.batches[done - 1])
        # The next step is queued before the last one's numbers are fetched, so that
        # the device does not wait for the log.
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
                evaluation = _evaluate(job, state)
                row = _test_row(job, done, evaluation)
                log.write({**row, **_spectra(job, state)})
                clock.show(done, evaluation)
            # The log is ahead of the checkpoint, never behind it: what stands there
            # beyond the checkpoint is dropped and written again.
            if save_now:
                checkpoints.save(done, state)
    return evaluation or _evaluate(job, state)


def _evaluate(job: Job, state: TrainState) -> Evaluation:
    step = functools.partial(job.eval_step, state)
    return evaluate(step, EvalBatches(job.dataset, job.batch_size))


def _spectra(job: Job, state: TrainState) -> dict[str, float]:
    if job.spectra is None:
        return {}
    found = jax.device_get(job.spectra(state))
    return {name: float(value) for name, value in found.items()}


def _row(job: Job, clock: "_Clock", step: int, metrics: Metrics) -> dict[str, Any]:
    values = {name: float(v) for name, v in jax.device_get(metrics).items()}
    rate = clock.tick(step)
    epoch = step / job.batches.steps_per_epoch
    return {"step": step, "epoch": epoch, **values, **rate}


def _test_row(job: Job, step: int, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "step": step,
        "epoch": step / job.batches.steps_per_epoch,
        "test_loss": evaluation.loss,
        "test_accuracy": evaluation.accuracy,
    }


class _Clock:
    """Times steps, without compiling, evaluating and saving, and shows progress."""

    def __init__(
        self, job: Job, start: int, before: float, bar: Progress, console: Console
    ):
        self.job, self.before, self.bar, self.console = job, before, bar, console
        self.task = bar.add_task("training", total=job.steps, completed=start, rate="")
        self.seconds, self.steps = 0.0, 0
        self._last: float | None = None

    def tick(self, step: int) -> dict[str, float]:
        """Notes that a step has ended; returns what its row says of time."""
        now = time.monotonic()
        # The first step compiles and says nothing of speed.
        if self._last is not None:
            self.seconds += now - self._last
            self.steps += 1
        self._last = now
        speed = self.job.batch_size * self.steps / self.seconds if self.steps else 0.0
        self.bar.update(self.task, completed=step, rate=f"{speed:,.0f} images/s")
        return {
            "images_per_second": speed,
            "train_seconds": self.before + self.seconds,
        }

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Time in here is not training."""
        yield
        self._last = time.monotonic()

    def show(self, step: int, evaluation: Evaluation) -> None:
        """One line an evaluation, to scroll back to, or where there is no bar."""
        epoch = step / self.job.batches.steps_per_epoch
        line = (
            f"epoch {epoch:3.0f} of {self.job.config['epochs']}: test accuracy "
            f"{evaluation.accuracy:.1%}, loss {evaluation.loss:.3f}"
        )
        if not self.console.is_terminal and self.steps:
            left = (self.job.steps - step) * self.seconds / self.steps
            line += f", about {left:.0f} s left"
        if not math.isfinite(evaluation.loss):
            line += "; the training has diverged: try a lower config.learning_rate"
        self.console.print(line, highlight=False)


@contextlib.contextmanager
def _progress(
    job: Job, start: int, before: float, console: Console
) -> Iterator[_Clock]:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        yield _Clock(job, start, before, bar, console)
