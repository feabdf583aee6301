"""A run, from its folder to its results."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from rich.console import Console

from ..data import Dataset, TextBatches, TextDataset
from ..sharding import describe, gathered
from .borders import write_borders
from .build import Job
from .checkpoint import Checkpoints, newest_good, saved_steps
from .clock import filled, progress
from .compiled import step_bytes
from .exits import NumbersError, StoppedError
from .lock import locked
from .loop import Loop
from .metrics import MetricsLog, read_metrics
from .profile import Profile, check_profile
from .results import train_seconds, write_results
from .room import explained
from .skipped import Skips
from .stall import noticed
from .stop import Stop
from .trackers import follow
from .workdir import adopt, check_data, open_workdir


def run(
    job: Job,
    folder: pathlib.Path,
    console: Console,
    profile: int | None = None,
    *,
    stop: Stop | None = None,
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
        stop: what may ask for an early end; None for nothing.
        allow_changes: whether a run goes on under a config, or on data, that change
            what it learns.

    Returns:
        What stands in `results.json`; of other processes than the first, nothing.

    Raises:
        OSError: if the folder or the disk refuses.
        DamagedError: if the run has written checkpoints and none is good.
        ValueError: if the folder holds a run of another config, on other data or of
            another model, or another process trains in it, config.weights do not fit,
            fewer steps are left than are to be traced, or processes have decided on
            other rows of texts.
        StoppedError: if it was asked to end, and has saved a checkpoint.
        NumbersError: if too many steps in a row were not finite; likewise.
        MemoryError: if a device has too little, with what to change.
    """
    check_profile(profile)(job)  # before anything is made
    check_weights(job, folder)
    first = jax.process_index() == 0
    data = _data(job)
    with contextlib.ExitStack() as held:
        if first:
            allow, room = {"allow_changes": allow_changes}, room_needed(job)
            changes = open_workdir(folder, job.config, room, **allow)
            held.enter_context(locked(folder))
            changes += check_data(folder, data, **allow)
            console.print(*changes, sep="\n", end="\n" * bool(changes), markup=False)
        multihost_utils.sync_global_devices("the folder is open")
        console.print(_heading(job, folder), highlight=False)
        if any(job.split.stage) or job.split.offloaded:
            table = describe(job.split, job.placement.plain.params)
            console.print(table, highlight=False)
        with _enough_memory(job):
            return _run(job, folder, data, console, profile, stop or Stop())


def _run(
    job: Job,
    folder: pathlib.Path,
    data: str,
    console: Console,
    profile: int | None,
    stop: Stop,
) -> dict[str, Any]:
    first = jax.process_index() == 0
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
    own = _own(folder)
    log = MetricsLog(own, start, trackers)
    skips = Skips(own, start, job.batches, job.max_skips)
    try:
        written = read_metrics(log.path)
        if first and (last := max((row["step"] for row in written), default=0)) < start:
            console.print(f"{log.path} ends at step {last}: the curves have a gap")
        before = train_seconds(written)
        with progress(job, start, before, console) as clock, noticed(stop, clock.doing):
            loop = Loop(job, state, start, checkpoints, log, skips, clock, trace, stop)
            try:
                loop.train()
                if job.crossing is not None:
                    write_borders(folder, job, loop.done, loop.state, clock, stop)
            except (StoppedError, NumbersError):
                loop.save(wait=True)
                raise
    finally:
        trace.close()
        log.close()
        checkpoints.close()
    rows, memory = read_metrics(log.path), _memory(job) if start < job.steps else None
    if not first:
        return {}
    return write_results(folder, job, loop.evaluation, rows, memory)


def _data(job: Job) -> str:
    """The fingerprint of the data, of which the first process keeps note.

    Which texts share a row every process decides by itself: all have to decide alike,
    or some texts would be read twice and others never.
    """
    if not isinstance(job.batches, TextBatches):
        return job.batches.fingerprint() if jax.process_index() == 0 else ""
    data = job.batches.fingerprint()
    letters = np.frombuffer(data.encode(), np.uint8)
    found = gathered(letters).reshape(-1, len(letters))
    if (found != found[:1]).any():
        prints = ", ".join(bytes(row).decode() for row in found)
        raise ValueError(
            f"the processes have other texts, or other rows of them: fingerprints "
            f"{prints}, in their order. The texts of {job.dataset.name} have to be the "
            f"same everywhere, and config.batching={job.config['batching']!r} must not "
            "depend on the clock, as column_generation(seconds=...) does: take "
            "first_fit_decreasing."
        )
    return data


def _memory(job: Job) -> int | None:
    """The most bytes of a device that the training step takes, once it has run."""
    if not isinstance(job.train_step, jax.stages.Wrapped):
        return None  # of several runs in one program
    placed = job.placement
    return step_bytes(
        job.train_step, placed.stored, job.batch, platform=placed.platform
    )


@contextlib.contextmanager
def _enough_memory(job: Job) -> Iterator[None]:
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        mesh = dict(job.placement.mesh.shape)
        raise MemoryError(explained(str(error), job.config, mesh)) from error


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


def border(job: Job) -> str:
    """How the model of a job meets borders, of images or of texts in a batch."""
    config = job.config
    if not config["batching"]:
        return f"padding {config['padding']}"
    texts = job.batch_size * job.batches.texts_per_row
    rows = f"{job.batch_size} rows of {config['capacity']} with {texts:.0f} texts"
    return ", ".join([f"batching {config['batching']}", rows, *filled(job)])


def examples(dataset: Dataset | TextDataset) -> str:
    """What a data set has."""
    return "texts" if isinstance(dataset, TextDataset) else "images"


def cut_texts(job: Job) -> str:
    """How many texts are several pieces or none; nothing where every one is whole."""
    said = ""
    for use, batches in (("train on", job.batches), ("test", job.test_batches)):
        if isinstance(batches, TextBatches):
            for count, what in (
                (batches.split, f"split at {batches.capacity}"),
                (batches.empty, "left out as empty"),
            ):
                said += f"{count:,} of those to {use} {what}, " * bool(count)
    return said


def _heading(job: Job, folder: pathlib.Path) -> str:
    data, config = job.dataset, job.config
    return (
        f"{config['model']}, {job.parameters:,} parameters, {border(job)}\n"
        f"{data.name}: {len(data.train):,} {examples(data)} to train on, "
        f"{len(data.test):,} to test, {cut_texts(job)}"
        f"{job.batches.steps_per_epoch} steps an epoch\n"
        f"on {jax.devices()[0].device_kind} x{jax.device_count()}, into {folder}"
    )
