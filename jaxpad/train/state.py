"""What training changes, as one pytree."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """Everything that a step changes and a checkpoint holds.

    Attributes:
        step: int32 scalar, steps done.
        params: the model's `nnx.Param`s, float32.
        stats: its other variables, such as batch statistics.
        opt_state: of the optax chain.
    """

    step: Any  # jax fills pytrees with things that are no arrays, too
    params: Any
    stats: Any
    opt_state: Any


def init_state(model: nnx.Module, optimizer: optax.GradientTransformation) -> Any:
    """The state of a model that has not been trained."""
    _, params, stats = nnx.split(model, nnx.Param, ...)
    return TrainState(jnp.zeros((), jnp.int32), params, stats, optimizer.init(params))
