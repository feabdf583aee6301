"""One step of training, and of evaluation: pure functions of (state, batch)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from ..data import Augment, Batch, record_keys
from ..layers import extremes
from ..layers.choose import Rules
from ..typing import AnyArray, Array
from .state import TrainState


Metrics = dict[str, Array]


def train_step(
    state: TrainState,
    batch: Batch,
    *,
    graph: Any,
    optimizer: optax.GradientTransformation,
    schedule: optax.Schedule,
    augment: Augment,
    classes: int,
    label_smoothing: float,
    penalty: Callable[[nnx.Module], tuple[Array, dict[str, Array]]] | None = None,
    key: Array,
) -> tuple[TrainState, Metrics]:
    """Updates the state from one batch.

    Args:
        state: before the step.
        batch: `image` uint8 `[batch, h, w, c]` and `label` `[batch]`.
        graph: the model without its variables.
        optimizer: an optax chain.
        schedule: from step to learning rate, for the log.
        augment: from (images, labels, keys) to (images, labels).
        classes: outputs of the model.
        label_smoothing: part of the target that is spread over all classes.
        penalty: from the model to what is added to the loss, and each layer's value.
        key: of the run; the step's own is folded in.

    Returns:
        The new state, and float32 scalars: loss, accuracy, grad_norm, learning_rate;
        with a penalty also penalty, which is in the loss, and "penalty/<path>".
    """
    place = jnp.arange(len(batch["label"]), dtype=jnp.int32)
    ids = jnp.stack([jnp.full_like(place, state.step), place], -1)
    images, labels = augment(
        to_float(batch["image"]),
        jax.nn.one_hot(batch["label"], classes),
        record_keys(key, ids),
    )

    def loss_of(params: Any) -> tuple[Array, tuple[Any, Array, Metrics]]:
        # Copied: the running statistics belong to the trace outside this gradient.
        model = nnx.merge(graph, params, state.stats, copy=True)
        model.train()
        scores = model(images).astype(jnp.float32)
        targets = optax.smooth_labels(labels, label_smoothing)
        loss = optax.softmax_cross_entropy(scores, targets).mean()
        penalties = {}
        if penalty is not None:
            added, table = penalty(model)
            loss = loss + added
            penalties = {"penalty": added}
            penalties |= {f"penalty/{path}": value for path, value in table.items()}
        return loss, (nnx.state(model, nnx.Not(nnx.Param)), scores, penalties)

    (loss, (stats, scores, penalties)), grads = jax.value_and_grad(
        loss_of, has_aux=True
    )(state.params)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
        "loss": loss,
        "accuracy": jnp.mean(scores.argmax(-1) == batch["label"]),
        "grad_norm": optax.tree.norm(grads),
        "learning_rate": jnp.asarray(schedule(state.step), jnp.float32),
        **penalties,
    }
    return TrainState(state.step + 1, params, stats, opt_state), metrics


def eval_step(state: TrainState, batch: Batch, *, graph: Any) -> Array:
    """Log-probabilities of each class, float32 `[batch, classes]`."""
    model = nnx.merge(graph, state.params, state.stats, copy=True)
    model.eval()
    return jax.nn.log_softmax(model(to_float(batch["image"])).astype(jnp.float32))


def spectra_step(state: TrainState, *, graph: Any, rules: Rules) -> Metrics:
    """The extreme singular values of each layer that a regularizer's rules name."""
    model = nnx.merge(graph, state.params, state.stats, copy=True)
    return {
        f"{name}/{path}": value
        for path, pair in extremes(model, rules).items()
        for name, value in zip(("sigma_max", "sigma_min"), pair, strict=True)
    }


def to_float(images: AnyArray) -> Array:
    """uint8 0 to 255 as float32 0 to 1."""
    return jnp.asarray(images, jnp.float32) / 255
