"""What would go wrong in a run, found before it starts and on no accelerator."""

import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from .build import Job, build
from .checkpoint import saved_steps
from .inputs import sample_of
from .memory import live_bytes, size
from .running import border, check_weights, examples, room_needed
from .workdir import FINGERPRINT, check_data, open_workdir


# What a command exits with: starting it again helps only after the second.
WRONG, DISK = 2, 1


class Finding(NamedTuple):
    """What was looked at.

    Attributes:
        name: of it.
        text: what was found, or what is wrong.
        code: 0 if it is fine; 2 if config or data are wrong, 1 if the disk is.
    """

    name: str
    text: str
    code: int = 0


def preflight(
    config: Any,
    folder: pathlib.Path,
    prepare: Callable[[Job], Any] = lambda job: None,
    *,
    allow_changes: bool = False,
) -> Iterator[Finding]:
    """Looks at everything that a run needs, without a step and without its folder.

    Args:
        config: a `ConfigDict`.
        folder: where the run would go.
        prepare: what else the run would check of its job.
        allow_changes: whether it would go on under another config.

    Yields:
        A `Finding` of each thing, as soon as it is known.
    """

    def built() -> tuple[Job, str]:
        job = build(config)
        prepare(job)
        check_weights(job, folder)
        return job, _job(job)

    job, finding = _found("config", built)
    yield finding
    # Also without a job: whoever has two mistakes hears of both.
    yield _found("folder", lambda: (None, _folder(job, folder, config, allow_changes)))[
        1
    ]
    if job is None:
        return
    for name, look in {
        "data": _data,
        "batch": lambda job: _batch(job.batches[1], "to train on"),
        "test batch": lambda job: _batch(job.test_batches[0], "to test on"),
        "step": _step,
        "memory": _memory,
    }.items():
        yield _found(name, lambda look=look: (None, look(job)))[1]


def _found(name: str, look: Callable[[], tuple[Any, str]]) -> tuple[Any, Finding]:
    """What a look gives, and the finding; nothing and what is wrong, if it raises."""
    start = time.monotonic()
    try:
        value, text = look()
    except (TypeError, ValueError, ImportError) as error:
        return None, Finding(name, str(error), WRONG)
    except OSError as error:
        return None, Finding(name, str(error), DISK)
    took = time.monotonic() - start
    return value, Finding(name, text.replace("{took}", f"{took:.2f} s"))


def _job(job: Job) -> str:
    config = job.config
    of = "images" if job.task.unit == "images" else "rows"
    trackers = ", ".join(["metrics.jsonl", *(name for name, _ in job.trackers)])
    return (
        f"{config['model']}, {border(job)}, {config['dtype']}: "
        f"{job.parameters:,} parameters\n"
        f"{job.steps:,} steps of {job.batch_size} {of}: {job.epochs:.3g} epochs of "
        f"{job.batches.steps_per_epoch:,} steps\n"
        f"a test every {job.eval_steps:,} steps, a checkpoint every "
        f"{job.checkpoint_steps:,}\n"
        f"written to {trackers}"
    )


def _folder(
    job: Job | None, folder: pathlib.Path, config: Any, allow_changes: bool
) -> str:
    """Opens the folder as a run does, and takes away what was not there before."""
    new = [p for p in (folder, *folder.parents) if not p.exists()]
    saved = folder / "config.json"
    fresh = not saved.exists()
    room = room_needed(job) if job else 0
    try:
        changes = open_workdir(
            folder, config.to_dict(), room, allow_changes=allow_changes
        )
        if job and (folder / FINGERPRINT).exists():
            data = job.batches.fingerprint()
            changes += check_data(folder, data, allow_changes=allow_changes)
    finally:
        if fresh:
            saved.unlink(missing_ok=True)
        for path in new:
            if path.exists():
                path.rmdir()
    steps = saved_steps(folder)
    begin = f"goes on from step {max(steps)}" if steps else "begins at step 0"
    needs = f"\ncheckpoints take up to {size(room)}, which is free"
    text = f"{folder} can be written to; the run {begin}{needs if job else ''}"
    return "\n".join([text, *changes])


def _data(job: Job) -> str:
    data = job.dataset
    parts = f"{len(data.train):,} {examples(data)} to train on, {len(data.test):,}"
    return (
        f"{data.name}, {data.task} with {len(data.classes)} classes: {parts} to test\n"
        f"fingerprint {data.fingerprint()} (found in {{took}})"
    )


def _batch(batch: Any, purpose: str) -> str:
    if "tokens" in batch:
        return _text_batch(batch, purpose)
    image, label = batch["image"], batch["label"]
    shape = "x".join(map(str, image.shape))
    seen = np.unique(label[batch["real"]])
    return (
        f"{shape} {image.dtype} {purpose}, labels {seen.min()} to {seen.max()}\n"
        "read, decoded and cropped in {took} by one thread"
    )


def _text_batch(batch: Any, purpose: str) -> str:
    there = batch["segment_ids"] > 0
    shape = "x".join(map(str, there.shape))
    texts = int((batch["positions"][there] == 0).sum())
    return (
        f"{shape} tokens {purpose}, {texts} texts in {there.mean():.1%} of the cells\n"
        "read and laid out in {took} by one thread"
    )


def _step(job: Job) -> str:
    like = job.placement.stored
    after, metrics = jax.eval_shape(job.train_step, like, job.batches[0])
    changed = [
        jax.tree_util.keystr(path)
        for (path, a), b in zip(
            jax.tree_util.tree_flatten_with_path(like)[0],
            jax.tree.leaves(after),
            strict=True,
        )
        if (a.shape, a.dtype) != (b.shape, b.dtype)
    ]
    if changed:
        raise ValueError(
            f"a step changes the shape or type of {changed[0]}: it would compile again."
        )
    jax.eval_shape(job.eval_step, like, job.test_batches[0])
    return f"on shapes alone, traced in {{took}}; it gives {', '.join(metrics)}"


def _memory(job: Job) -> str:
    like, batch = job.placement.stored, sample_of(job.batches)
    total = live_bytes(job.train_step, like, batch)
    kinds = {"parameters": like.params, "optimizer": like.opt_state}
    parts = [f"{name} {size(_bytes(tree))}" for name, tree in kinds.items()]
    rest = total - job.state_bytes
    return (
        f"state {size(job.state_bytes)} on every device ({', '.join(parts)})\n"
        f"about {size(rest)} more in a step, split over the devices: an estimate\n"
        "from shapes, of all that is alive at once if nothing is fused; a TPU may need "
        "half"
    )


def _bytes(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
