"""From a config to a job: only this module and what it calls with a config read keys.

Names become callables and plain arguments are passed on, so nothing else knows that
there is a config. Names, numbers and shapes are checked before anything is compiled.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from flax import nnx

from ..conv import IMAGE_AXES, target
from ..data import DATASETS, TextDataset
from ..sharding import (
    Zero,
    check_batch,
    check_processes,
    make_mesh,
    replicated,
    spread,
    spread_shapes,
)
from .crossing import Crossing
from .functions import Functions, read_functions
from .inputs import read_inputs, sample_of
from .keys import check_keys, check_values, named
from .placement import Placement, placement
from .state import TrainState
from .step import Metrics
from .tasks import Task
from .trackers import Opener, read_trackers


@dataclasses.dataclass(frozen=True)
class Job:
    """All that the loop needs, with nothing left to look up.

    Attributes:
        config: the config as run, as a plain nested dict.
        dataset: the examples, a `Dataset` or a `TextDataset`.
        task: what is learned from them, and judged by.
        batches: `batches[t]` is this process's part of the batch of step t.
        test_batches: every test example once, this process's parts.
        place: from these parts to the batch on the devices of all processes.
        batch: shapes of that batch, with shardings.
        init: makes the untrained state, on its devices.
        placement: where it lies; for its shapes no config.weights are read.
        split: the optimizer, and what of the state is split over the devices.
        model: from a state to the model that it tests, in evaluation.
        normalize: of images from 0 to 1, before the model sees them.
        crossing: how a finished run is looked at near borders, if it is.
        train_step: jitted, from (state, batch) to (state, metrics); donates state.
        replay_step: jitted, from (state, batch) to where that step is not finite.
        eval_step: jitted, from (state, batch) to what the task's evaluation takes.
        spectra: jitted, from the state to the extreme singular values of regularized
            layers, as metrics; None without a regularizer.
        steps: of the whole run.
        max_skips: steps in a row that may be left out as not finite.
        eval_steps: steps between evaluations.
        checkpoint_steps: steps between checkpoints.
        checkpoints_kept: newest checkpoints that stay.
        trackers: names and functions, beside metrics.jsonl.
        batch_size: images or rows of texts a step, over all devices.
        workers: processes that read batches; 0 for a thread.
        parameters: numbers that are learned.
        state_bytes: size of the state, and so of a checkpoint.
    """

    config: dict[str, Any]
    dataset: Any  # the task says of which kind these three are
    task: Task
    batches: Any
    test_batches: Any
    place: Callable[[Any], Any]
    batch: dict[str, jax.ShapeDtypeStruct]
    init: Callable[[], TrainState]
    placement: Placement
    split: Zero
    model: Callable[[TrainState], Any]
    normalize: Callable[[Any], Any]
    crossing: Crossing | None
    train_step: Callable[[TrainState, Any], tuple[TrainState, Metrics]]
    replay_step: Callable[[TrainState, Any], dict[str, Any]]
    eval_step: Callable[[TrainState, Any], Any]
    spectra: Callable[[TrainState], Metrics] | None
    steps: int
    max_skips: int
    eval_steps: int
    checkpoint_steps: int
    checkpoints_kept: int
    trackers: tuple[tuple[str, Opener], ...]
    batch_size: int
    workers: int
    parameters: int
    state_bytes: int

    @property
    def epochs(self) -> float:
        """Passes over the training examples in the whole run."""
        return self.steps / self.batches.steps_per_epoch


def build(config: Any, devices: Sequence[Any] | None = None) -> Job:
    """Reads a config.

    Args:
        config: a `ConfigDict` with every key of `configs/default.py`.
        devices: on which it would run, all that jax sees by default; those of a TPU
            that is not there serve to compile it.

    Returns:
        A `Job`.

    Raises:
        ValueError: for an unknown name, a number out of range, a batch that does not
            split over the devices, or images that the network cannot take.
    """
    check_keys(config)
    check_values(config)
    with named("trackers", config):
        trackers = read_trackers(config.trackers)
    # In this order, which a config does not keep: neighbours share what they say most.
    axes = ("data", *IMAGE_AXES, "model")
    mesh = make_mesh({name: config.mesh[name] for name in axes}, devices)
    if devices is None:
        check_processes(mesh.devices)
    check_batch(config.batch_size, mesh.shape["data"])
    if config.eval_batch_size:
        check_batch(config.eval_batch_size, mesh.shape["data"], "eval_batch_size")
    with named("dataset", config):
        dataset = DATASETS.resolve(config.dataset)()
    batches, test_batches, step = read_inputs(config, dataset, mesh)
    sample, tested = (
        spread_shapes(mesh, sample_of(b)) for b in (batches, test_batches)
    )
    steps, warmup = _steps(config, batches.steps_per_epoch)
    with_parts: dict[str, Any] = {"parts": step.parts, "power": step.power}
    made = read_functions(config, dataset, sample, mesh, steps, warmup, **with_parts)
    plain = jax.eval_shape(functools.partial(made.init, weights=False))
    if isinstance(dataset, TextDataset):
        with named("model", config):
            model = nnx.eval_shape(made.model, plain)
            _check_flat(model, batches, test_batches, step.parts)
    placed = placement(mesh, made.split, plain)
    like = placed.stored
    # Steps on shapes alone find what does not fit before anything is compiled.
    with target(placed.platform):
        jax.eval_shape(made.train, like, sample)
        with named("test_crop" if config.predict == "whole" else "predict", config):
            jax.eval_shape(made.test, like, tested)
    return Job(
        config=config.to_dict(),
        dataset=dataset,
        task=made.task,
        batches=batches,
        test_batches=test_batches,
        place=functools.partial(spread, mesh),
        batch=sample,
        **_jitted(made, placed, sample),
        placement=placed,
        split=made.split,
        model=made.model,
        normalize=made.normalize,
        crossing=made.crossing,
        steps=steps,
        max_skips=config.max_skips,
        eval_steps=config.eval_epochs * batches.steps_per_epoch,
        checkpoint_steps=config.checkpoint_steps,
        checkpoints_kept=config.checkpoints_kept,
        trackers=trackers,
        batch_size=step.rows,
        workers=config.workers,
        parameters=sum(p.size for p in jax.tree.leaves(plain.params)),
        state_bytes=sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(plain)),
    )


def _check_flat(model: Any, batches: Any, test_batches: Any, parts: int) -> None:
    """Raises for a flat row that cannot hold the tokens of the batches.

    In a compiled step, where they are not counted, what does not fit has no numbers.
    One batch of that kind is left out of a training, but no test can be without it.
    """
    cells = getattr(model, "flat", None)
    if not isinstance(cells, int):
        return
    mean, fullest = batches.tokens_per_step / parts, test_batches.fullest
    most = batches.cells // parts
    tests = (
        f"the fullest batch of tests has {fullest:,} tokens. For less than that make "
        "those smaller by config.eval_batch_size."
    )
    if cells < mean:
        raise ValueError(
            f"flat={cells} cells, but a batch has {mean:,.0f} tokens in the mean: give "
            f"as many as the fullest one has, at most {most:,}; {tests}"
        )
    if cells < fullest:
        raise ValueError(f"flat={cells} cells, but {tests}")


def _steps(config: Any, steps_per_epoch: int) -> tuple[int, int]:
    """Steps of the run, and of its warm-up."""
    steps = config.steps or config.epochs * steps_per_epoch
    warmup = round(config.warmup_epochs * steps_per_epoch)
    if warmup >= steps:
        raise ValueError(
            f"config.warmup_epochs={config.warmup_epochs} leaves nothing of "
            f"{_length(config)}: warm up for less, or train for longer."
        )
    return steps, warmup


def _length(config: Any) -> str:
    key = "steps" if config.steps else "epochs"
    return f"config.{key}={config[key]}"


def _jitted(made: Functions, placed: Placement, sample: Any) -> dict[str, Any]:
    whole, state = replicated(placed.mesh), placed.shardings
    batch = jax.tree.map(lambda a: a.sharding, sample)
    return {
        # Not jitted: one program with every random number compiles for longer than
        # the training step; operation by operation, equal shapes compile once.
        "init": lambda: placed.store(made.init()),
        "train_step": jax.jit(
            made.train,
            in_shardings=(state, batch),
            out_shardings=(state, whole),
            donate_argnums=0,
        ),
        # Batches as they lie: test images of other sizes may be shared otherwise.
        "replay_step": jax.jit(
            made.replay, in_shardings=(state, batch), out_shardings=whole
        ),
        "eval_step": jax.jit(
            made.test, in_shardings=(state, None), out_shardings=whole
        ),
        "spectra": made.spectra and jax.jit(made.spectra),
    }
