"""What a config names, as functions: of images, of the model, and of the state."""

import functools
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import Mesh

from ..analysis import check
from ..data import Batch, Dataset, TextDataset, compose, normalize, record_keys
from ..layers import orthogonal_start, penalty
from ..models import MODELS, load_weights
from ..padding import as_padding
from ..registry import Registry
from ..sharding import Zero, match, offload, rules_of, under, zero
from ..typing import Array
from .crossing import Crossing, read_crossing
from .keys import named
from .language import LOSSES, check_loss, loss_named
from .objectives import read_objective
from .optim import SCHEDULES, check_chain, optimizer_chain
from .state import TrainState, init_state
from .step import (
    eval_step,
    model_of,
    replay_step,
    spectra_step,
    to_float,
    train_step,
)
from .tasks import TASKS, Task, check_scores
from .windows import PREDICTIONS


DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
NORMALIZATIONS: Registry[Callable[[Array], Array]] = Registry("normalization")


@NORMALIZATIONS.register
def none(images: Array) -> Array:
    """Images from 0 to 1 as they are."""
    return images


@NORMALIZATIONS.register
def imagenet(images: Array) -> Array:
    """Less ImageNet's mean, by its deviation, for each of three channels."""
    return normalize(images)


class Functions(NamedTuple):
    """Pure functions, not jitted.

    Attributes:
        task: what is learned, and judged by.
        init: makes the untrained state; with weights=False, without reading
            config.weights.
        train: from (state, batch) to (state, metrics).
        replay: from (state, batch) to where that step is not finite.
        split: the optimizer, and what of the state is split over the devices.
        model: from a state to the model that it tests, in evaluation.
        normalize: of images from 0 to 1, before the model sees them.
        crossing: how a finished run is looked at near borders, if it is.
        test: from (state, batch) to what the task's evaluation takes.
        spectra: from the state to singular values; None without a regularizer.
    """

    task: Task
    init: Callable[..., TrainState]
    train: Callable[..., Any]
    replay: Callable[..., Any]
    split: Zero
    model: Callable[[TrainState], nnx.Module]
    normalize: Callable[[Array], Array]
    crossing: Crossing | None
    test: Callable[..., Any]
    spectra: Callable[..., Any] | None


def read_functions(
    config: Any,
    dataset: Dataset | TextDataset,
    sample: Any,
    mesh: Mesh,
    steps: int,
    warmup: int,
    *,
    parts: int = 1,
    power: float = 1.0,
) -> Functions:
    """Reads the names in a config.

    Args:
        config: with every key.
        dataset: whose classes the model tells apart.
        sample: a batch, for its shapes.
        mesh: of devices.
        steps: of the whole run.
        warmup: of them.
        parts: of a batch, one after another.
        power: to which the decay rates of the optimizer's averages are raised.

    Raises:
        ValueError: for a name or an option that does not exist, with its key.
    """
    task, rules = read_task(config, dataset), config.regularizer
    with named("schedule", config):
        schedule = SCHEDULES.resolve(config.schedule)(
            config.learning_rate, steps, warmup
        )
    with named("normalize", config):
        scale = NORMALIZATIONS.resolve(config.normalize or "none")
    predict = _prediction(config, dataset)
    prepare, tested = _preparations(config, dataset, scale)
    channels, labels = _shapes(dataset, sample)
    make = _model_maker(config, channels, len(dataset.classes))
    model = nnx.eval_shape(lambda: make(rngs=nnx.Rngs(0)))
    with named("model", config):
        said = _scores_like(model, task, tested, sample)
        check_scores(said.shape, labels, dataset)
        _check_positions(model, config)
    params = nnx.state(model, nnx.Param)
    with named("optimizer", config):
        optimizer = optimizer_chain(config.optimizer, schedule, params, power)
        check_chain(optimizer, params)
    split = _split(config, optimizer, params, mesh)
    graph = nnx.graphdef(model)
    common: dict[str, Any] = {"graph": graph, "split": split}
    learning: dict[str, Any] = {
        **common,
        "task": task,
        "prepare": prepare,
        "label_smoothing": config.label_smoothing,
        "penalty": _penalty(config, make, sample["image"].shape) if rules else None,
        "parts": parts,
    }

    def split_by(function: Any, **options: Any) -> Callable[..., Any]:
        part = functools.partial(function, **options)
        return under(mesh, functools.update_wrapper(part, function))  # for its name

    return Functions(
        task=task,
        init=_initial(config, make, optimizer),
        train=split_by(
            train_step,
            **learning,
            schedule=schedule,
            decay=config.average,
            deviations=config.skip_spikes,
        ),
        replay=split_by(replay_step, **learning),
        split=split,
        model=functools.partial(model_of, **common),
        normalize=scale,
        crossing=read_crossing(config, make, predict),
        test=split_by(eval_step, **common, task=task, prepare=tested, predict=predict),
        spectra=functools.partial(spectra_step, **common, rules=rules)
        if rules
        else None,
    )


def _split(config: Any, optimizer: Any, params: Any, mesh: Mesh) -> Zero:
    """The optimizer, with its state and more split as the config says."""
    with named("sharding", config):
        specs = match(rules_of(config.sharding), params, mesh)
    with named("zero", config):
        split = zero(
            optimizer,
            params,
            mesh,
            stage=config.zero,
            specs=specs,
            least=config.zero_coverage,
        )
    with named("offload", config):
        return offload(split) if config.offload else split


def _prediction(config: Any, dataset: Dataset | TextDataset) -> Callable[..., Array]:
    """From (model, what it sees) to scores; texts go through the model as they are."""
    if dataset.task == "language":
        return lambda model, texts: model(texts)
    with named("predict", config):
        return PREDICTIONS.resolve(config.predict)


Preparation = Callable[[Any], tuple[Any, Any]]


def read_task(config: Any, dataset: Dataset | TextDataset) -> Task:
    """The task of a data set, with the loss that the config names."""
    task = TASKS[dataset.task]
    if dataset.task != "language":
        return task
    with named("loss", config):
        check_loss(LOSSES.resolve(config.loss))
        return task._replace(loss=loss_named(config.loss))


def _shapes(dataset: Dataset | TextDataset, sample: Any) -> tuple[int, tuple[int, ...]]:
    """How much comes in, channels or different tokens, and the shape of the labels."""
    if dataset.task == "language":
        return len(dataset.classes), sample["tokens"].shape
    return sample["image"].shape[-1], sample["label"].shape


def _preparations(
    config: Any, dataset: Dataset | TextDataset, scale: Callable[[Array], Array]
) -> tuple[Preparation, Preparation]:
    """From a batch to what the model sees and what is true; in training, in a test."""
    if isinstance(dataset, TextDataset):
        prepare = read_objective(config, dataset)
        return prepare, prepare

    def tested(batch: Batch) -> tuple[Array, Array]:
        return scale(to_float(batch["image"])), jnp.asarray(batch["label"])

    return _image_preparation(config, dataset, scale), tested


def _image_preparation(
    config: Any, dataset: Dataset, scale: Callable[[Array], Array]
) -> Preparation:
    task = TASKS[dataset.task]
    with named("augment", config):
        augment = compose(config.augment)

    def prepare(batch: Batch) -> tuple[Array, Array]:
        targets = task.targets(jnp.asarray(batch["label"]), len(dataset.classes))
        keys = _record_keys(batch)
        with named("augment", config):  # options are looked at when it is traced
            images, targets = augment(to_float(batch["image"]), targets, keys)
        return scale(images), targets

    return prepare


def _record_keys(batch: Any) -> Array:
    """A key for each record, from the seed that came with it."""

    def key(seed: Array, record: Array) -> Array:
        return record_keys(jax.random.key(seed), record[None])[0]

    return jax.vmap(key)(batch["seed"], batch["id"])


def _model_maker(config: Any, channels: int, classes: int) -> Callable[..., Any]:
    if config.dtype not in DTYPES:
        raise ValueError(
            f"config.dtype={config.dtype!r}: expected one of {sorted(DTYPES)}."
        )
    with named("padding", config):
        padding = as_padding(config.padding)
    with named("model", config):
        make = functools.partial(
            MODELS.resolve(config.model),
            channels,
            classes,
            padding=padding,
            dtype=DTYPES[config.dtype],
        )
        nnx.eval_shape(lambda: make(rngs=nnx.Rngs(0)))
    return make


def _scores_like(
    model: nnx.Module, task: Task, prepare: Preparation, sample: Any
) -> Any:
    """The shape and dtype of what a model says of a batch, without computing it."""
    graph, variables = nnx.split(model)

    def scores(variables: Any, batch: Any) -> Array:
        merged = nnx.merge(graph, variables, copy=True)
        return task.forward(merged, prepare(batch)[0])

    try:
        return jax.eval_shape(scores, variables, sample)
    except (AttributeError, TypeError) as error:
        # An image has no segments, and a text is no array. jax's words are of tracers.
        why = "" if "Tracer" in str(error) else f": {textwrap.shorten(str(error), 100)}"
        raise ValueError(
            f"it does not take {task.unit}{why}. Use a model for them, such as "
            f"{task.models}."
        ) from error


def _check_positions(model: nnx.Module, config: Any) -> None:
    """Raises for rows in which a text may be longer than a model has positions.

    In a compiled step, where lengths are not known, it would only get no numbers.
    """
    table = getattr(model, "positions", None)
    if not isinstance(table, nnx.Embed) or config.capacity <= table.num_embeddings:
        return
    raise ValueError(
        f"it has {table.num_embeddings} positions, and texts are split at "
        f"config.capacity={config.capacity}: take at most {table.num_embeddings}, or "
        f"a model with positions={config.capacity} or positions='rotary'."
    )


def _initial(
    config: Any, make: Callable[..., Any], optimizer: Any
) -> Callable[..., TrainState]:
    def init(*, weights: bool = True) -> TrainState:
        # A stream of its own, so that a padding that draws leaves the initial
        # parameters as they are under every other padding.
        rngs = nnx.Rngs(config.seed, padding=config.seed + 1)
        model = make(rngs=rngs)
        if config.regularizer:
            model = orthogonal_start(model, config.regularizer, rngs=rngs)
        if config.weights and weights:
            with named("weights", config):
                load_weights(model, config.weights, head=not config.new_head)
        return init_state(
            model, optimizer, average=config.average > 0, usual=config.skip_spikes > 0
        )

    return init


def _penalty(config: Any, make: Callable[..., Any], shape: tuple[int, ...]) -> Any:
    """The regularizer of a model whose layers meet borders of the data's size."""
    model = nnx.eval_shape(lambda: make(rngs=nnx.Rngs(0)))
    sizes = {row.path: row.input for row in check(model, (1, *shape[1:])).rows}
    add = functools.partial(penalty, rules=config.regularizer, sizes=sizes)
    with named("regularizer", config):
        nnx.eval_shape(lambda: add(make(rngs=nnx.Rngs(0))))
    return add
