"""What a job's step takes on each device, from the compiled program, before it runs."""

import dataclasses
import math
import pathlib
from typing import Any

import jax
from rich.console import Console

from ..conv import target
from ..sharding import Layout
from ..sharding.stages import AXIS
from ..sharding.table import kinds
from .build import Job
from .chips import Chip, chip_of
from .clock import progress
from .compiled import Measured, cache_file, keep, measure, read
from .planned import Held, Plan
from .room import explained


def plan(job: Job, console: Console, cache: pathlib.Path | None = None) -> Plan:
    """Compiles a job's training step, and tells what it takes; nothing runs.

    Args:
        job: from `build`, on devices that need not be there.
        console: where progress is shown.
        cache: a folder that keeps what is found, as compiling may take minutes.

    Raises:
        ValueError: if the compiler finds that the step does not fit into the memory,
            with what to change.
    """
    step: Any = job.train_step
    with target(job.placement.platform):
        lowered = step.lower(job.placement.stored, job.batch)
    found = _measured(job, lowered, console, cache)
    config, stored = job.config, job.placement.stored
    devices = list(job.placement.mesh.devices.flat)
    chip, batch = chip_of(devices), _held(job.batch)
    activations = found.peak - found.arguments
    made = Plan(
        model=str(config["model"]),
        device=devices[0].device_kind,
        devices=len(devices),
        mesh=dict(job.placement.mesh.shape),
        zero=config["zero"],
        batch_size=job.batch_size,
        parameters=job.parameters,
        state=_state(job),
        host=_on_host(job),
        other=_held((stored.step, stored.stats, stored.average)),
        batch=batch,
        activations=activations,
        chip=chip,
        seconds=chip and max(found.flops / chip.flops, found.moved / chip.bandwidth),
        largest_batch=chip and _largest(job, found, batch, chip),
        notes=_notes(job),
        **dataclasses.asdict(found),
    )
    return made if made.fits else _with_advice(made, config)


def _measured(
    job: Job, lowered: Any, console: Console, cache: pathlib.Path | None
) -> Measured:
    devices = job.placement.mesh.devices.flat
    path = cache_file(lowered, devices, cache) if cache else None
    if path and (found := read(path)):
        console.print(f"compiled before: read from {path}", highlight=False)
        return found
    try:
        with progress(job, 0, 0.0, console) as clock:
            with clock.compiling(True, "the training step"):
                program = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        mesh = dict(job.placement.mesh.shape)
        raise ValueError(explained(str(error), job.config, mesh)) from error
    found = measure(program, job.placement.platform)
    if path:
        keep(path, found)
    return found


def _state(job: Job) -> dict[str, Held]:
    """Parameters, gradients and optimizer state, beside ZeRO's formulas."""
    stage, parts = job.split.stage, job.placement.mesh.shape[AXIS]
    split: dict[str, bool] = {
        "optimizer state": stage.optimizer,
        "gradients": stage.gradients,
        "parameters": stage.parameters,
    }
    found = {}
    for name, (arrays, layouts) in kinds(job.split, job.placement.plain.params).items():
        pairs = _pairs(arrays, layouts)
        whole = sum(_without_zero(layout, parts) * size for layout, size in pairs)
        held = sum(layout.held * size for layout, size in pairs)
        formula = math.ceil(whole / parts) if split[name] else whole
        found[name] = Held(whole, formula, held)
    return found


def _on_host(job: Job) -> int:
    """Bytes of the optimizer's state that are in the host's memory, for one device."""
    state = kinds(job.split, job.placement.plain.params)["optimizer state"]
    return sum(layout.held * size for layout, size in _pairs(*state) if layout.host)


def _pairs(arrays: Any, layouts: Any) -> list[tuple[Layout, int]]:
    """The layout of each array, and the bytes of an element."""
    sizes = [leaf.dtype.itemsize for leaf in jax.tree.leaves(arrays)]
    return list(zip(jax.tree.leaves(layouts), sizes, strict=True))


def _without_zero(layout: Any, parts: int) -> int:
    """Elements on a device if the data axis did not split the array."""
    by_zero = parts if AXIS in layout.spec else 1
    return math.prod(layout.shape) * by_zero // layout.parts


def _held(shapes: Any) -> int:
    """Bytes on one device of arrays with these shapes and shardings."""
    return sum(
        math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(shapes)
    )


def _largest(job: Job, found: Measured, batch: int, chip: Chip) -> int:
    grows = (found.peak - found.arguments + batch) / job.batch_size
    room = chip.memory - (found.arguments - batch)
    multiple = math.lcm(job.placement.mesh.shape[AXIS], job.config["parts"])
    return max(0, int(room / grows) // multiple * multiple)


def _notes(job: Job) -> tuple[str, ...]:
    parts = job.config["parts"]
    if parts == 1 or job.placement.platform == "cpu":  # there they are no loop
        return ()
    return (
        f"FLOPs, bytes, collectives and time are those of one of {parts} parts of the "
        f"batch and the update: XLA counts a loop once",
    )


def _with_advice(made: Plan, config: Any) -> Plan:
    assert made.chip is not None
    sizes = float(made.peak), float(made.chip.memory)
    text = explained("", config, made.mesh, sizes)
    return dataclasses.replace(made, notes=(*made.notes, text))
