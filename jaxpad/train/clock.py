"""The time of a run, and its progress on the screen."""

import contextlib
import math
import time
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..data import Batch
from .build import Job


SECONDS = 30.0  # between lines where there is no terminal


class Clock:
    """Times steps, without compiling, evaluating and saving, and shows progress."""

    def __init__(
        self, job: Job, start: int, before: float, bar: Progress, console: Console
    ):
        self.job, self.before, self.bar, self.console = job, before, bar, console
        self.task = bar.add_task("training", total=job.steps, completed=start, rate="")
        self.seconds, self.steps, self.waited = 0.0, 0, 0.0
        self._last: float | None = None
        self._said = time.monotonic()

    def tick(self, step: int) -> dict[str, float]:
        """Notes that a step has ended; returns what its row says of time."""
        now = time.monotonic()
        # The first step compiles and says nothing of speed.
        if self._last is not None:
            self.seconds += now - self._last
            self.steps += 1
        self._last = now
        speed = self.job.batch_size * self.steps / self.seconds if self.steps else 0.0
        share = min(1.0, self.waited / self.seconds) if self.steps else 0.0
        rate = f"{speed:,.0f} images/s, {share:.0%} waiting for data"
        self.bar.update(self.task, completed=step, rate=rate)
        if not self.console.is_terminal and now - self._said > SECONDS:
            self.say(f"step {step:,} of {self.job.steps:,}: {rate}{self._left(step)}")
        return {
            "images_per_second": speed,
            "data_wait": share,
            "train_seconds": self.before + self.seconds,
        }

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Time in here is spent waiting for a batch."""
        start = time.monotonic()
        yield
        if self._last is not None:
            self.waited += time.monotonic() - start

    @contextlib.contextmanager
    def compiling(self, whether: bool, what: str) -> Iterator[None]:
        """Says that something compiles, and how long it took."""
        if not whether:
            yield
            return
        start = time.monotonic()
        self.bar.update(self.task, rate=f"compiling {what}")
        self.say(f"compiling {what} ...")
        yield
        self.say(f"compiled {what} in {time.monotonic() - start:.0f} s")

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Time in here is not training."""
        yield
        self._last = time.monotonic()

    def evaluating(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches of an evaluation, with a bar of their own."""
        task = self.bar.add_task(
            "testing", total=len(self.job.test_batches), rate="the first one compiles"
        )
        try:
            for batch in batches:
                yield batch
                self.bar.update(task, advance=1, rate="")
        finally:
            self.bar.remove_task(task)

    def show(self, step: int, figures: dict[str, float]) -> None:
        """One line an evaluation, to scroll back to, or where there is no bar."""
        epoch = step / self.job.batches.steps_per_epoch
        name = self.job.task.headline
        line = (
            f"epoch {epoch:3.0f} of {self.job.epochs:.0f}: test {NAMES[name]} "
            f"{figures[name]:.1%}, loss {figures['loss']:.3f}"
        )
        if not self.console.is_terminal:
            line += self._left(step)
        if not math.isfinite(figures["loss"]):
            line += "; the training has diverged: try a lower config.learning_rate"
        self.say(line)

    def say(self, line: str) -> None:
        """Prints a line above the bar."""
        self._said = time.monotonic()
        self.console.print(line, highlight=False)

    def _left(self, step: int) -> str:
        if not self.steps:
            return ""
        left = (self.job.steps - step) * self.seconds / self.steps
        return f", about {duration(left)} left"


NAMES = {"accuracy": "accuracy", "miou": "mIoU"}


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    Example:
        >>> duration(42), duration(600), duration(40_000)
        ('42 s', '10 min', '11.1 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@contextlib.contextmanager
def progress(job: Job, start: int, before: float, console: Console) -> Iterator[Clock]:
    """A clock, and a bar where there is a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        yield Clock(job, start, before, bar, console)
