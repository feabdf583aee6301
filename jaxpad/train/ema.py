"""A moving average of parameters, which is often better than the last ones."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, PyTree

from ..typing import Array


def ema_decay(step: Int[Array, ""], decay: float) -> Float[Array, ""]:
    """The decay after `step` steps: `min(decay, (1 + step) / (10 + step))`.

    So the average forgets the random start, however long its memory.

    Example:
        >>> [round(float(ema_decay(jnp.asarray(t), 0.99)), 2) for t in (0, 10, 10_000)]
        [0.1, 0.55, 0.99]
    """
    done = step.astype(jnp.float32)
    return jnp.minimum(decay, (1 + done) / (10 + done))


def ema_update(
    average: PyTree, values: PyTree, decay: float | Float[Array, ""]
) -> PyTree:
    """`average + (1 - decay) (values - average)`.

    Args:
        average: a pytree; begin with the values themselves.
        values: of the same structure, such as parameters and batch statistics. What
            is not floating (counts, keys) is taken as it is.
        decay: 0 to 1; the memory is about 1 / (1 - decay) steps.

    Returns:
        The new average, in the dtypes of the old.

    Example:
        >>> ema_update({"w": jnp.zeros(1)}, {"w": jnp.ones(1)}, 0.75)
        {'w': Array([0.25], dtype=float32)}
    """

    def update(old: Array, new: Array) -> Array:
        if not jnp.issubdtype(old.dtype, jnp.floating):
            return new
        part = jnp.asarray(1 - decay, old.dtype)
        return old + part * (new.astype(old.dtype) - old)

    return jax.tree.map(update, average, values)
