"""From a config to a job: the only module that reads config keys.

Names become callables here and plain arguments are passed on, so nothing else knows
that there is a config. Names, numbers and shapes are checked here, before anything
is compiled.
"""

import contextlib
import dataclasses
import difflib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..analysis import check
from ..data import AUGMENTS, DATASETS, Batch, Dataset, TrainBatches
from ..layers import orthogonal_start, penalty
from ..models import MODELS
from ..padding import as_padding
from ..sharding import batch_split, check_batch, data_mesh, replicated
from ..typing import Array
from .optim import SCHEDULES, optimizer_chain
from .state import TrainState, init_state
from .step import Metrics, eval_step, spectra_step, train_step


KEYS = (
    *("seed", "dataset", "augment", "batch_size", "model", "padding", "dtype"),
    *("epochs", "optimizer", "schedule", "learning_rate", "warmup_epochs"),
    *(
        "label_smoothing",
        "regularizer",
        "eval_epochs",
        "checkpoint_steps",
        "checkpoints_kept",
    ),
)
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


@dataclasses.dataclass(frozen=True)
class Job:
    """All that the loop needs, with nothing left to look up.

    Attributes:
        config: the config as run, as a plain nested dict.
        dataset: the examples.
        batches: `batches[t]` is the batch of step t.
        init: makes the untrained state, on its devices.
        train_step: jitted, from (state, batch) to (state, metrics); donates state.
        eval_step: jitted, from (state, batch) to log-probabilities.
        spectra: jitted, from the state to the extreme singular values of regularized
            layers, as metrics; None without a regularizer.
        steps: of the whole run.
        eval_steps: steps between evaluations.
        checkpoint_steps: steps between checkpoints.
        checkpoints_kept: newest checkpoints that stay.
        batch_size: examples a step, over all devices.
        parameters: numbers that are learned.
        state_bytes: size of the state, and so of a checkpoint.
    """

    config: dict[str, Any]
    dataset: Dataset
    batches: TrainBatches
    init: Callable[[], TrainState]
    train_step: Callable[[TrainState, Batch], tuple[TrainState, Metrics]]
    eval_step: Callable[[TrainState, Batch], Array]
    spectra: Callable[[TrainState], Metrics] | None
    steps: int
    eval_steps: int
    checkpoint_steps: int
    checkpoints_kept: int
    batch_size: int
    parameters: int
    state_bytes: int


def build(config: Any) -> Job:
    """Reads a config.

    Args:
        config: a `ConfigDict` with every key of `configs/default.py`.

    Returns:
        A `Job`.

    Raises:
        ValueError: for an unknown name, a number out of range, a batch that does not
            split over the devices, or images that the network cannot take.
    """
    _check_keys(config)
    _check_numbers(config)
    mesh = data_mesh()
    check_batch(config.batch_size, mesh.size)
    with _key("dataset", config):
        dataset = DATASETS.resolve(config.dataset)()
    batches = TrainBatches(dataset, config.batch_size, config.seed)
    init, train, test, spectra = _functions(config, dataset, batches)
    like = jax.eval_shape(init)
    # A step on shapes alone finds what does not fit before anything is compiled.
    jax.eval_shape(train, like, batches[0])
    whole, split = replicated(mesh), batch_split(mesh)
    return Job(
        config=config.to_dict(),
        dataset=dataset,
        batches=batches,
        # Not jitted: one program with every random number compiles for longer than
        # the training step; operation by operation, equal shapes compile once.
        init=lambda: jax.device_put(init(), whole),
        train_step=jax.jit(
            train,
            in_shardings=(whole, split),
            out_shardings=(whole, whole),
            donate_argnums=0,
        ),
        eval_step=jax.jit(test, in_shardings=(whole, split), out_shardings=split),
        spectra=spectra and jax.jit(spectra),
        steps=config.epochs * batches.steps_per_epoch,
        eval_steps=config.eval_epochs * batches.steps_per_epoch,
        checkpoint_steps=config.checkpoint_steps,
        checkpoints_kept=config.checkpoints_kept,
        batch_size=config.batch_size,
        parameters=sum(p.size for p in jax.tree.leaves(like.params)),
        state_bytes=sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(like)),
    )


def _functions(config: Any, dataset: Dataset, batches: TrainBatches) -> tuple:
    """What the config names: init, training step, evaluation, spectra."""
    with _key("schedule", config):
        schedule = SCHEDULES.resolve(config.schedule)(
            config.learning_rate,
            config.epochs * batches.steps_per_epoch,
            round(config.warmup_epochs * batches.steps_per_epoch),
        )
    optimizer = optimizer_chain(config.optimizer, schedule)
    with _key("augment", config):
        augment = AUGMENTS.resolve(config.augment)
    make_model = _model_maker(config, dataset)
    rules = config.regularizer

    def init() -> TrainState:
        # A stream of its own, so that a padding that draws leaves the initial
        # parameters as they are under every other padding.
        rngs = nnx.Rngs(config.seed, padding=config.seed + 1)
        model = make_model(rngs=rngs)
        if rules:
            model = orthogonal_start(model, rules, rngs=rngs)
        return init_state(model, optimizer)

    graph = nnx.graphdef(nnx.eval_shape(lambda: make_model(rngs=nnx.Rngs(0))))
    train = functools.partial(
        train_step,
        graph=graph,
        optimizer=optimizer,
        schedule=schedule,
        augment=augment,
        label_smoothing=config.label_smoothing,
        penalty=_penalty(config, make_model, dataset) if rules else None,
        key=jax.random.key(config.seed),
    )
    spectra = functools.partial(spectra_step, graph=graph, rules=rules)
    return (
        init,
        train,
        functools.partial(eval_step, graph=graph),
        spectra if rules else None,
    )


def _penalty(config: Any, make_model: Callable[..., Any], dataset: Dataset) -> Any:
    """The regularizer of a model whose layers meet borders of the data's size."""
    shape = (1, *_shape(dataset))
    model = nnx.eval_shape(lambda: make_model(rngs=nnx.Rngs(0)))
    sizes = {row.path: row.input for row in check(model, shape).rows}
    add = functools.partial(penalty, rules=config.regularizer, sizes=sizes)
    with _key("regularizer", config):
        nnx.eval_shape(lambda: add(make_model(rngs=nnx.Rngs(0))))
    return add


def _shape(dataset: Dataset) -> tuple[int, ...]:
    """Height, width and channels of the images."""
    return np.shape(dataset.train[0].image)


def _model_maker(config: Any, dataset: Dataset) -> Callable[..., nnx.Module]:
    if config.dtype not in DTYPES:
        raise ValueError(
            f"config.dtype={config.dtype!r}: expected one of {sorted(DTYPES)}."
        )
    with _key("padding", config):
        padding = as_padding(config.padding)
    make = functools.partial(
        MODELS.resolve(config.model),
        _shape(dataset)[-1],
        len(dataset.classes),
        padding=padding,
        dtype=DTYPES[config.dtype],
    )
    with _key("model", config):
        nnx.eval_shape(lambda: make(rngs=nnx.Rngs(0)))
    return make


@contextlib.contextmanager
def _key(key: str, config: Any) -> Iterator[None]:
    """Says which key of the config an error is about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"config.{key}={config[key]!r}: {error}") from error


def _check_keys(config: Any) -> None:
    for key in config:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            hint = f" Did you mean config.{near[0]}?" if near else ""
            raise ValueError(f"the config has a key {key!r} that means nothing.{hint}")
    if missing := [key for key in KEYS if key not in config]:
        raise ValueError(
            f"the config lacks config.{missing[0]}: begin with the config of "
            "configs/default.py, which has every key, and change some."
        )


def _check_numbers(config: Any) -> None:
    for key in (
        "batch_size", "epochs", "eval_epochs", "checkpoint_steps", "checkpoints_kept"
    ):  # fmt: skip
        if config[key] < 1:
            raise ValueError(f"config.{key}={config[key]}: expected at least 1.")
    for key in ("learning_rate", "warmup_epochs"):
        if not (np.isfinite(config[key]) and config[key] >= 0):
            raise ValueError(f"config.{key}={config[key]}: expected 0 or more.")
    if config.seed < 0:
        raise ValueError(f"config.seed={config.seed}: expected 0 or more.")
    if not 0 <= config.label_smoothing < 1:
        raise ValueError(
            f"config.label_smoothing={config.label_smoothing}: expected 0 or more and "
            "less than 1."
        )
    if config.warmup_epochs >= config.epochs:
        raise ValueError(
            f"config.warmup_epochs={config.warmup_epochs} leaves nothing of "
            f"config.epochs={config.epochs}: warm up for less, or train for longer."
        )
