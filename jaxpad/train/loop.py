"""The loop over steps: time, logging, evaluation and checkpoints; no maths."""

import contextlib
import dataclasses
from typing import Any

import jax
import numpy as np

from ..data import read_ahead
from .build import Job
from .checkpoint import Checkpoints
from .checkpoint.folder import agreed
from .clock import Clock
from .exits import NumbersError, StoppedError
from .guard import all_finite
from .metrics import MetricsLog, read_metrics
from .profile import Profile
from .skipped import Skips
from .state import TrainState
from .step import Metrics
from .stop import Stop


_finite = jax.jit(all_finite)
SHOWN = 12  # test examples whose answers are kept for the report


@dataclasses.dataclass
class Loop:
    """A run on its way: what is done, and who is told.

    Attributes:
        job: what is trained.
        state: after `done` steps.
        done: steps.
        checkpoints: where the state is saved.
        log: of each step's metrics.
        skips: of the steps that were left out.
        clock: of time.
        trace: of some steps, or none.
        stop: what may ask for an early end.
        pending: of the last step, until it is logged, its number, metrics and batch.
        evaluation: the last one.
    """

    job: Job
    state: TrainState
    done: int
    checkpoints: Checkpoints
    log: MetricsLog
    skips: Skips
    clock: Clock
    trace: Profile
    stop: Stop
    pending: tuple[int, Metrics, Any] | None = None
    evaluation: Any = None

    def __post_init__(self):
        self._start = self.done

    def train(self) -> None:
        """Does what is left of the run.

        Raises:
            StoppedError: if it was asked to end; `save` is up to the caller.
            NumbersError: if too many steps in a row were skipped; likewise.
        """
        # It ended in this evaluation. The first process knows: others may be new.
        if agreed(self._due() and not self._tested()):
            self._test()
        job, start = self.job, self._start
        batches = read_ahead(job.batches, start, job.steps, workers=job.workers)
        with contextlib.closing(batches):
            for step in range(start + 1, job.steps + 1):
                self._step(step, batches)
                if self.stop.reached():
                    raise StoppedError
                # Before the evaluation, which is done again if it comes to no end.
                last = step == job.steps
                if self._due() or step % job.checkpoint_steps == 0:
                    self.save(wait=last)
                if self._due():
                    self._test()
        if self.evaluation is None:
            self.evaluation = self._evaluated()

    def save(self, *, wait: bool = False) -> None:
        """Saves the state, if there is no checkpoint of it yet.

        Args:
            wait: whether to return when it is on the disk.

        Raises:
            NumbersError: if its parameters are not finite: nothing is saved then.
        """
        # The log is ahead of the checkpoint, never behind it: what stands there beyond
        # the checkpoint is dropped and written again.
        self._note()
        if self.done == self._start:
            return
        self._check_finite()
        self.log.sync()
        clock = self.clock
        with clock.paused(), clock.busy("saving a checkpoint"), self.stop.excuse():
            plain = self.job.placement.unpack(self.state)
            self.checkpoints.save(self.done, plain, wait=wait)

    def _check_finite(self) -> None:
        if not _finite((self.state.params, self.state.average)):
            raise NumbersError(
                f"the parameters after step {self.done} are not finite: the optimizer "
                "made them of a gradient that was. They are not saved; the newest "
                f"checkpoint is that of step {self.checkpoints.latest() or 0}. What "
                "often helps: a lower config.learning_rate, or clip_by_global_norm in "
                "config.optimizer."
            )

    def _step(self, step: int, batches: Any) -> None:
        clock, job = self.clock, self.job
        with self.trace.step(step, clock):
            with clock.waiting(), self.stop.waiting():
                batch = next(batches)
            with clock.compiling(step == self._start + 1, "the training step"):
                self.state, metrics = job.train_step(self.state, job.place(batch))
        self.done = step
        self.trace.end(step, metrics, clock)
        self.checkpoints.check()
        # This step is queued before the last one's numbers are fetched, so that the
        # device does not wait for the log.
        self._note((step, metrics, batch))
        if self.skips.in_a_row >= self.skips.most:
            # One more ends the run: with the state that the bad step saw, so that it
            # can be replayed, and not after a later one.
            self._note()

    def _note(self, now: tuple[int, Metrics, Any] | None = None) -> None:
        """Logs the step that is pending; the next one is, then."""
        before, self.pending = self.pending, now
        if before is not None:
            step, metrics, batch = before
            row = self._row(step, metrics)
            self.log.write(row)
            self.skips.note(step, row, batch)

    def _row(self, step: int, metrics: Metrics) -> dict[str, Any]:
        values = {name: float(v) for name, v in jax.device_get(metrics).items()}
        rate = self.clock.tick(step, values["loss"], values.get("tokens"))
        return {"step": step, "epoch": self._epoch(step), **values, **rate}

    def _due(self) -> bool:
        """Whether the step that was done last ends with an evaluation."""
        done, job = self.done, self.job
        return done > 0 and (done == job.steps or done % job.eval_steps == 0)

    def _tested(self) -> bool:
        rows = read_metrics(self.log.path)
        return any(row["step"] == self.done and "test_loss" in row for row in rows)

    def _test(self) -> None:
        with self.clock.paused():
            self.evaluation = self._evaluated()
            figures = self.evaluation.figures()
            row = {f"test_{name}": value for name, value in figures.items()}
            place = {"step": self.done, "epoch": self._epoch(self.done)}
            self.log.write({**place, **row, **self._spectra()})
            self.clock.show(self.done, figures)

    def _evaluated(self) -> Any:
        job = self.job

        def step(batch: Any) -> Any:
            if self.stop.reached():
                raise StoppedError
            with self.stop.excuse():  # it may compile, for images of another size
                return job.eval_step(self.state, job.place(batch))

        read = read_ahead(job.test_batches, workers=job.workers)
        batches = self.clock.evaluating(self.stop.each(read))
        if not job.task.keeps:
            return job.task.evaluate(step, batches)
        count = len(job.dataset.test)
        shown = np.linspace(0, count - 1, min(SHOWN, count)).round().astype(int)
        return job.task.evaluate(step, batches, set(shown.tolist()))

    def _spectra(self) -> dict[str, float]:
        if self.job.spectra is None:
            return {}
        with self.stop.excuse():
            found = jax.device_get(self.job.spectra(self.state))
        return {name: float(value) for name, value in found.items()}

    def _epoch(self, step: int) -> float:
        return step / self.job.batches.steps_per_epoch
