"""One step of training, and of evaluation: pure functions of (state, batch)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from ..data import Batch
from ..layers import extremes
from ..layers.choose import Rules
from ..sharding import Zero
from ..typing import AnyArray, Array
from .accumulate import accumulate
from .ema import ema_decay, ema_update
from .guard import all_finite, either, is_spike, not_finite, seen
from .state import TrainState
from .tasks import Task


Metrics = dict[str, Array]


def gradients(
    state: TrainState,
    batch: Batch,
    *,
    graph: Any,
    task: Task,
    prepare: Callable[[Any], tuple[Any, Any]],
    split: Zero,
    label_smoothing: float = 0.0,
    penalty: Callable[[nnx.Module], tuple[Array, dict[str, Array]]] | None = None,
    parts: int = 1,
) -> tuple[Any, Any, Metrics]:
    """The gradient of the loss at one batch.

    Args:
        state: before the step.
        batch: of images, `image` uint8 `[batch, h, w, c]` and `label` `[batch]` or
            `[batch, h, w]`; of texts a `TextBatch`.
        graph: the model without its variables.
        task: what the loss is.
        prepare: from the batch to what the model sees, and the loss's targets.
        split: what of the state is split over the devices.
        label_smoothing: part of the target that is spread over all classes.
        penalty: from the model to what is added to the loss, and each layer's value.
        parts: equal parts of the batch whose gradients are computed one after another.

    Returns:
        The gradients as `split` has them, the model's other variables afterwards, and
        float32 scalars: loss, accuracy, grad_norm, and the task's counts; with a
        penalty also penalty, which is in the loss, and "penalty/<path>".
    """

    def loss_of(params: Any, stats: Any, part: Any) -> tuple[Array, Any]:
        # Copied: the running statistics belong to the trace outside this gradient.
        model = nnx.merge(graph, params, stats, copy=True)
        model.train()
        seen, targets = part
        scores = task.forward(model, seen).astype(jnp.float32)
        loss, weight = task.loss(scores, targets, label_smoothing)
        accuracy, count = task.accuracy(scores, targets)
        metrics = {}
        if penalty is not None:
            added, table = penalty(model)
            loss = loss + added
            metrics["penalty"] = added
            metrics |= {f"penalty/{path}": value for path, value in table.items()}
        stats = nnx.state(model, nnx.Not(nnx.Param))
        return loss, (stats, {"loss": loss, **metrics}, accuracy, (weight, count))

    whole = split.whole(state.params)

    def gradient(stats: Any, part: Any) -> tuple[Any, Any, Any]:
        of_params = jax.grad(loss_of, has_aux=True)
        grads, (stats, metrics, accuracy, weights) = of_params(whole, stats, part)
        weight, count = weights
        values = split.gradients(grads), metrics, accuracy
        return stats, values, (weight, weight, count)

    prepared = prepare(batch)
    if parts == 1:
        stats, values, _ = gradient(state.stats, prepared)
    else:
        stats, values = accumulate(gradient, state.stats, prepared, parts)
    grads, metrics, accuracy = values
    metrics |= {"accuracy": accuracy, "grad_norm": optax.tree.norm(grads)}
    return grads, stats, metrics | task.counts(batch)


def train_step(
    state: TrainState,
    batch: Batch,
    *,
    split: Zero,
    schedule: optax.Schedule,
    decay: float = 0.0,
    deviations: float = 0.0,
    **options: Any,
) -> tuple[TrainState, Metrics]:
    """Updates the state from one batch, if that does not spoil it.

    A step whose loss, gradient or batch statistics are not finite changes nothing but
    the count of steps; one whose loss is a spike neither.

    Args:
        state: before the step.
        batch: as for `gradients`.
        split: the optimizer, and what of the state is split over the devices.
        schedule: from step to learning rate, for the log.
        decay: of the moving average, if the state has one.
        deviations: of the loss above the usual that are a spike, if the state has that.
        **options: of `gradients`.

    Returns:
        The new state, and the metrics of `gradients` with float32 learning_rate and
        skipped, which is 1 if nothing was changed.
    """
    grads, stats, metrics = gradients(state, batch, split=split, **options)
    loss = metrics["loss"]
    good = all_finite((loss, metrics["grad_norm"], stats))
    usual = state.usual
    if usual is not None:
        good &= ~is_spike(usual, loss, deviations)
        usual = either(good, seen(usual, loss), usual)
    params, opt_state = split.update(grads, state.opt_state, state.params, good)
    stats = either(good, stats, state.stats)
    average = state.average
    if average is not None:
        now = (split.packed(params), stats)
        moved = ema_update(average, now, ema_decay(state.step, decay))
        average = either(good, moved, average)
    metrics |= {
        "learning_rate": jnp.asarray(schedule(state.step), jnp.float32),
        "skipped": (~good).astype(jnp.float32),
    }
    new = TrainState(state.step + 1, params, stats, opt_state, average, usual)
    return new, metrics


def replay_step(state: TrainState, batch: Batch, **options: Any) -> dict[str, Any]:
    """Where a step is not finite.

    Args:
        state: before the step.
        batch: as for `gradients`.
        **options: of `gradients`.

    Returns:
        "metrics", of `gradients`; "gradients" and "statistics": how many numbers are
        NaN or infinite, by path.
    """
    grads, stats, metrics = gradients(state, batch, **options)
    return {
        "metrics": metrics,
        "gradients": not_finite(grads),
        "statistics": not_finite(stats),
    }


def model_of(state: TrainState, *, graph: Any, split: Zero) -> nnx.Module:
    """The model of a state in evaluation: of its average, if it has one."""
    if state.average is None:
        params, stats = split.whole(state.params), state.stats
    else:
        params, stats = split.unpack(state.average[0]), state.average[1]
    model = nnx.merge(graph, params, stats, copy=True)
    model.eval()
    return model


def eval_step(
    state: TrainState,
    batch: Batch,
    *,
    graph: Any,
    split: Zero,
    task: Task,
    prepare: Callable[[Any], tuple[Any, Any]],
    predict: Callable[[Callable[[Array], Array], Array], Array],
) -> Any:
    """What the task's evaluation takes: of classes, log-probabilities of each image.

    Args:
        state: whose average is used, if it has one.
        batch: as for training; `real` is False where an example only fills it.
        graph: the model without its variables.
        split: what of the state is split.
        task: what is taken.
        prepare: from the batch to what the model sees, and what is true.
        predict: from (model, what it sees) to scores; the model is a pure function.
    """

    def model(seen: Any) -> Array:
        # Made anew at every call: one in a loop over windows must not change what
        # belongs to the trace outside the loop.
        return task.forward(model_of(state, graph=graph, split=split), seen)

    seen, targets = prepare(batch)
    scores = predict(model, seen)
    return task.said(scores.astype(jnp.float32), targets, batch)


def spectra_step(
    state: TrainState, *, graph: Any, split: Zero, rules: Rules
) -> Metrics:
    """The extreme singular values of each layer that a regularizer's rules name."""
    model = model_of(state, graph=graph, split=split)
    return {
        f"{name}/{path}": value
        for path, pair in extremes(model, rules).items()
        for name, value in zip(("sigma_max", "sigma_min"), pair, strict=True)
    }


def to_float(images: AnyArray) -> Array:
    """uint8 0 to 255 as float32 0 to 1."""
    return jnp.asarray(images, jnp.float32) / 255
