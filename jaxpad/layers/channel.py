"""`PadChannel`: a channel that tells a convolution where the image is."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Shaped

from ..typing import AnyArray, Array


class PadChannel(nnx.Module):
    """Appends a channel of ones, which zero padding then marks the border with.

    The next convolution sees 1 where a cell is real and 0 where it was added, so it
    can tell an added zero from a dark pixel; it takes one channel more. Right before
    the first convolution, with padding "zero". "PadChannel" (Kim, 2023).

    Example:
        >>> rngs = nnx.Rngs(0)
        >>> conv = nnx.Sequential(PadChannel(), nnx.Conv(4, 8, (3, 3), rngs=rngs))
        >>> conv(jnp.ones((2, 5, 5, 3))).shape
        (2, 5, 5, 8)
    """

    def __call__(self, inputs: Shaped[AnyArray, "*axes"]) -> Shaped[Array, "*longer"]:
        """From `[..., channels]` to `[..., channels + 1]`."""
        x = jnp.asarray(inputs)
        return jnp.concatenate([x, jnp.ones((*x.shape[:-1], 1), x.dtype)], -1)
