"""Networks for tests, with random weights that take no time to compile."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


M = TypeVar("M", bound=nnx.Module)


def filled(make: Callable[[], Any], seed: int = 0) -> Any:
    """The network that `make` would make, in evaluation, with weights from NumPy.

    Kernels and the like are drawn so that maps keep their size; means, variances,
    scales and biases are drawn too, since at their first values they do nothing.
    """
    model, draw = nnx.eval_shape(make), np.random.default_rng(seed)

    def array(like: Any) -> Any:
        if jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
            return jax.random.key(seed)
        if len(like.shape) == 1:
            values = 1 + draw.uniform(-0.25, 0.25, like.shape)
        else:
            values = draw.normal(0, np.prod(like.shape[:-1]) ** -0.5, like.shape)
        return jnp.asarray(values.astype(like.dtype))

    nnx.update(model, jax.tree.map(array, nnx.state(model)))
    model.eval()
    return model


def symmetric(model: M) -> M:
    """The model with each kernel the mean of itself and its mirror image."""
    for _, layer in nnx.iter_modules(model):
        if hasattr(layer, "kernel_size"):
            kernel = np.asarray(layer.kernel[...])
            layer.kernel[...] = jnp.asarray((kernel + kernel[:, ::-1]) / 2)
    return model


def run(model: Any, x: Any) -> np.ndarray:
    """What the network says, as one compiled program."""
    graph, state = nnx.split(model)
    return np.asarray(jax.jit(lambda s, x: nnx.merge(graph, s)(x))(state, x))
