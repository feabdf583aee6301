"""Networks for tests, with random weights that take no time to compile."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from tests.models.miniatures import fill


M = TypeVar("M", bound=nnx.Module)


def filled(make: Callable[[], Any], seed: int = 0) -> Any:
    """The network that `make` would make, in evaluation, with NumPy's numbers."""
    model = nnx.eval_shape(make)
    fill(model, seed)
    model.eval()
    return model


def symmetric(model: M) -> M:
    """The model with each kernel the mean of itself and its mirror image."""
    layer: Any
    for _, layer in nnx.iter_modules(model):
        if hasattr(layer, "kernel_size"):
            kernel = np.asarray(layer.kernel[...])
            layer.kernel[...] = jnp.asarray((kernel + kernel[:, ::-1]) / 2)
    return model


def run(model: Any, x: Any) -> np.ndarray:
    """What the network says, as one compiled program."""
    graph, state = nnx.split(model)
    return np.asarray(jax.jit(lambda s, x: nnx.merge(graph, s)(x))(state, x))
