"""The time of a run: how fast it is, how long it still takes, what it waits for."""

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
from rich.console import Console

from ..data import TextBatches
from .build import Job
from .screen import Screen, Status


TRUSTED = 10  # steps of this start, before which the speed of earlier ones counts


class Clock:
    """Times steps, without compiling, evaluating and saving, and shows progress.

    Args:
        job: that runs.
        start: steps done when it goes on.
        before: seconds that these took.
        console: where progress is shown.
    """

    def __init__(self, job: Job, start: int, before: float, console: Console):
        self.job, self.start, self.before = job, start, before
        self.screen = Screen(console, self.status)
        self.step, self.loss = start, math.nan
        self.seconds, self.steps, self.waited = 0.0, 0, 0.0
        self._last: float | None = None
        self._busy: tuple[str, float] | None = None
        self._tested: int | None = None
        self._other: Callable[[], Status] | None = None
        self._compiled_test = False
        self._amount = 0.0
        self._filled = filled(job)

    def tick(
        self, step: int, loss: float, amount: float | None = None
    ) -> dict[str, float]:
        """Notes that a step has ended; returns what its row says of time.

        Args:
            step: which.
            loss: at it.
            amount: how much of the task's unit it was; None for a batch of images.
        """
        # The first step compiles and says nothing of speed.
        if self._last is not None:
            self._count()
            self.steps += 1
            self._amount += self.job.batch_size if amount is None else amount
        self._last = time.monotonic()
        self.step, self.loss = step, loss
        return {
            f"{self.job.task.unit}_per_second": self._speed(),
            "step_seconds": self.seconds / self.steps if self.steps else 0.0,
            "data_wait": self._share(),
            "train_seconds": self.before + self.seconds,
        }

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Time in here is spent waiting for a batch."""
        if self._last is None:
            with self.busy("reading the first batch"):
                yield
            return
        start = time.monotonic()
        with jax.profiler.TraceAnnotation("waiting for data"):
            yield
        self.waited += time.monotonic() - start

    @contextlib.contextmanager
    def compiling(self, whether: bool, what: str) -> Iterator[None]:
        """Says that something compiles, for how long, and how long it took."""
        if not whether:
            yield
            return
        start = time.monotonic()
        if not self.screen.living:
            self.say(f"compiling {what} ...")
        with self.busy(f"compiling {what}"):
            yield
        self.say(f"compiled {what} in {duration(time.monotonic() - start)}")

    @contextlib.contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Shows something that is not a step, and since when."""
        self._busy = (what, time.monotonic())
        try:
            yield
        finally:
            self._busy = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Time in here is not training."""
        if self._last is not None:
            self._count()
        yield
        self._last = time.monotonic()

    @contextlib.contextmanager
    def showing(self, status: Callable[[], Status]) -> Iterator[None]:
        """Shows what something after the training says of itself."""
        self._other = status
        try:
            yield
        finally:
            self._other = None

    def evaluating(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The batches of an evaluation, which has a progress of its own."""
        self._tested = 0
        try:
            for batch in batches:
                first, self._compiled_test = not self._compiled_test, True
                compiling = self.busy("compiling the test")
                with compiling if first else contextlib.nullcontext():
                    yield batch
                self._tested += 1
        finally:
            self._tested = None

    def show(self, step: int, figures: dict[str, float]) -> None:
        """One line an evaluation, to scroll back to."""
        name = self.job.task.headline
        line = (
            f"{self._epoch(step, ' of ')}: test {NAMES[name]} "
            f"{figures[name]:.1%}, loss {figures['loss']:.3f}"
        )
        if not self.screen.living and (left := self.left()) is not None:
            line += f", {duration(left)} left"
        if not math.isfinite(figures["loss"]):
            line += "; the training has diverged: try a lower config.learning_rate"
        self.say(line)

    def say(self, line: str) -> None:
        """Writes a line that stays."""
        self.screen.say(line)

    def left(self) -> float | None:
        """Seconds of training still to come; None if nothing is known yet."""
        if self.steps >= TRUSTED or not (self.start and self.before):
            pace = self.seconds / self.steps if self.steps else None
        else:
            pace = self.before / self.start
        return None if pace is None else (self.job.steps - self.step) * pace

    def doing(self) -> str:
        """What the run is doing now, in words."""
        return self.status().head

    def status(self) -> Status:
        """What the run is doing now."""
        # Read once: another thread asks, while this one changes them.
        busy, done, other = self._busy, self._tested, self._other
        if other is not None:
            return other()
        if busy is not None:
            what, since = busy
            still = "" if self.screen.living else "still "
            return Status(f"{still}{what}, {duration(time.monotonic() - since)}")
        if done is not None:
            total = len(self.job.test_batches)
            return Status("testing", [f"batch {done} of {total}"], done, total)
        left, parts = self.left(), []
        if left is not None:
            parts.append(f"{duration(left)} left")
        if self.step > self.start:
            parts.append(f"loss {self.loss:.3f}")
        if self.steps:
            parts.append(f"{self._speed():,.0f} {self.job.task.unit}/s")
            parts += self._filled
            parts.append(f"data wait {self._share():.0%}")
        between = "/" if self.screen.living else " of "
        head = self._epoch(self.step, between)
        return Status(head, parts, self.step, self.job.steps)

    def _count(self) -> None:
        now = time.monotonic()
        self.seconds += now - (now if self._last is None else self._last)
        self._last = now

    def _speed(self) -> float:
        return self._amount / self.seconds if self.steps else 0.0

    def _share(self) -> float:
        return min(1.0, self.waited / self.seconds) if self.steps else 0.0

    def _epoch(self, step: int, between: str) -> str:
        passed = step / self.job.batches.steps_per_epoch
        return f"epoch {_short(passed)}{between}{_short(self.job.epochs)}"


def filled(job: Job) -> list[str]:
    """How well rows of texts are filled, in words; nothing of images."""
    if not isinstance(batches := job.batches, TextBatches):
        return []
    return [
        f"padding {batches.padding_share:.1%}",
        f"packing {batches.packing_factor:.2f}x",
    ]


NAMES = {"accuracy": "accuracy", "miou": "mIoU"}


def _short(epochs: float) -> str:
    return f"{epochs:.1f}".removesuffix(".0")


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    Example:
        >>> duration(42.0), duration(600.0), duration(40e3)
        ('42 s', '10 min', '11.1 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@contextlib.contextmanager
def progress(job: Job, start: int, before: float, console: Console) -> Iterator[Clock]:
    """A clock whose status is shown."""
    clock = Clock(job, start, before, console)
    with clock.screen.shown():
        yield clock
