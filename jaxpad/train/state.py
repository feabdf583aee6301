"""What training changes, as one pytree."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from .guard import no_loss_yet


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """Everything that a step changes and a checkpoint holds.

    Attributes:
        step: int32 scalar, steps done.
        params: the model's `nnx.Param`s, float32.
        stats: its other variables, such as batch statistics.
        opt_state: of the optax chain.
        average: the moving average of (params, stats); None without one.
        usual: the loss of the last steps; None where none is skipped for its loss.
    """

    step: Any  # jax fills pytrees with things that are no arrays, too
    params: Any
    stats: Any
    opt_state: Any
    average: Any = None
    usual: Any = None


def init_state(
    model: nnx.Module,
    optimizer: optax.GradientTransformation,
    *,
    average: bool = False,
    usual: bool = False,
) -> Any:
    """The state of a model that has not been trained.

    Args:
        model: an nnx module.
        optimizer: an optax chain.
        average: whether a moving average of the model is kept.
        usual: whether the loss of the last steps is.
    """
    _, params, stats = nnx.split(model, nnx.Param, ...)
    return TrainState(
        jnp.zeros((), jnp.int32),
        params,
        stats,
        optimizer.init(params),
        # Copies, for a step that donates its state must not be given an array twice.
        jax.tree.map(jnp.copy, (params, stats)) if average else None,
        no_loss_yet() if usual else None,
    )
