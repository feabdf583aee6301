"""A trace of some steps, for XProf, TensorBoard's profile plugin and Perfetto."""

import contextlib
import logging
import pathlib
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import jax

from .build import Job
from .clock import Clock


LOG = logging.getLogger("jaxpad.train")
FIRST = 3  # steps before a trace: they compile, and fill what is read ahead


class Profile:
    """Traces some steps of a run, or none.

    Args:
        folder: where the trace goes.
        start: steps done when the run goes on.
        stop: the run's last step.
        count: steps to trace; None for none.

    Raises:
        ValueError: if these are not that many steps.
    """

    def __init__(self, folder: pathlib.Path, start: int, stop: int, count: int | None):
        self.folder = folder
        self._first = self._last = None
        if count is not None:
            check_count(start, stop, count)
            self._first, self._last = start + FIRST + 1, start + FIRST + count
        self._tracing = False

    @contextlib.contextmanager
    def step(self, step: int, clock: Clock) -> Iterator[None]:
        """What belongs to a step, its waiting for data too."""
        if step == self._first:
            with clock.paused(), clock.busy("starting the trace"):
                self._start()
        with jax.profiler.StepTraceAnnotation("train", step_num=step):
            yield

    def end(self, step: int, metrics: Any, clock: Clock) -> None:
        """Ends the trace after its last step, once the device has done it."""
        if step != self._last:
            return
        jax.block_until_ready(metrics)
        with clock.paused(), clock.busy("writing the trace"):
            self.close()
        clock.say(f"traced steps {self._first} to {step}, into {self.folder}")

    def close(self) -> None:
        """Writes the trace, if one is on."""
        if self._tracing:
            self._tracing = False
            try:
                jax.profiler.stop_trace()
            except Exception as error:  # no trace is worth a run
                LOG.warning("the trace could not be written: %s", error)

    def _start(self) -> None:
        options = jax.profiler.ProfileOptions()
        # Every call in Python would be noted, and slow the steps that are looked at.
        options.python_tracer_level = 0
        jax.profiler.start_trace(
            self.folder, create_perfetto_trace=True, profiler_options=options
        )
        self._tracing = True


def check_count(start: int, stop: int, count: int) -> None:
    """Raises unless so many steps can be traced.

    Raises:
        ValueError: with how many can.
    """
    if count < 1:
        raise ValueError(f"--profile={count}: expected 1 step or more, such as 10.")
    most = stop - start - FIRST
    if count > most:
        use = f"use {most} or fewer" if most > 0 else "leave it out"
        raise ValueError(
            f"--profile={count}: the run has {stop - start} steps to go, and the first "
            f"{FIRST} are not traced: {use}."
        )


def check_profile(count: int | None) -> Callable[[Job], None]:
    """What `--profile` asks of a job that begins at step 0."""
    return lambda job: None if count is None else check_count(0, job.steps, count)


def how_to_open(folder: pathlib.Path) -> str:
    """Where the newest trace lies, and what shows it; empty without one."""
    found = sorted(folder.glob("profile/plugins/profile/*"))
    if not found:
        return ""
    return (
        f"profile       {found[-1]}\n"
        "              XProf:    pip install xprof; "
        f"xprof --logdir={shlex.quote(str(folder / 'profile'))}\n"
        "              Perfetto: open perfetto_trace.json.gz at ui.perfetto.dev"
    )
