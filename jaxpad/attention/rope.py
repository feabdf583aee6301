"""Positions as rotations."""

import jax.numpy as jnp
from jaxtyping import Float, Int

from ..padding import sum_dtype
from ..typing import AnyArray, Array


def rope(
    x: Float[AnyArray, "*batch length heads head_dim"],
    positions: Int[AnyArray, "*batch length"],
    *,
    base: float = 10_000.0,
    interleaved: bool = True,
) -> Float[Array, "*batch length heads head_dim"]:
    """Rotary position embedding: turns each pair of features by its position.

    `(a, b) -> (a cos t - b sin t, a sin t + b cos t)` with
    `t = position base^(-2i / d)` for pair i of d / 2. The product of a query and a key
    that are turned so depends on their positions by the difference alone.

    Args:
        x: queries or keys, `[..., length, heads, head_dim]`; head_dim is even.
        positions: `[..., length]`, of each slot in its own sequence: in packed rows
            the positions of `jaxpad.batching.layout`, which begin anew at each segment.
        base: the slowest pair turns once in nearly `2 pi base` positions.
        interleaved: whether features 2i and 2i + 1 are a pair, as in the paper, or i
            and i + d / 2, as in most published weights (GPT-NeoX, Llama).

    Returns:
        As x; computed in float32 at least.

    Raises:
        ValueError: if head_dim is odd, or positions are not one for each slot.

    Example:
        >>> x = jnp.ones((1, 3, 1, 2))
        >>> rope(x, jnp.array([[0, 1, 0]]))[0, :, 0]
        Array([[ 1.   ,  1.   ],
               [-0.301,  1.382 ],
               [ 1.   ,  1.   ]], dtype=float32)

    "RoFormer: Enhanced Transformer with Rotary Position Embedding" (Su et al., 2021).
    """
    x, positions = jnp.asarray(x), jnp.asarray(positions)
    features = x.shape[-1]
    if features % 2:
        raise ValueError(
            f"rope turns pairs of features, but head_dim={features} of x is odd: make "
            f"it even, or turn x[..., :{features - 1}] and join the last again."
        )
    if positions.shape != x.shape[:-2]:
        raise ValueError(
            f"positions has shape {positions.shape}, but x of shape {x.shape} has "
            f"slots {x.shape[:-2]}: expected one position for each. For the same in "
            "all rows type jnp.broadcast_to(positions, x.shape[:-2])."
        )
    dtype = sum_dtype(x.dtype)
    speeds = base ** (-jnp.arange(0, features, 2, dtype=dtype) / features)
    turns = jnp.expand_dims(positions.astype(dtype), (-2, -1))
    turns = turns * speeds.reshape((1,) * positions.ndim + (1, -1))
    sin, cos = jnp.sin(turns), jnp.cos(turns)
    pairs = (*x.shape[:-1], features // 2, 2)
    if not interleaved:
        pairs = (*x.shape[:-1], 2, features // 2)
    axis = -1 if interleaved else -2
    a, b = jnp.unstack(x.reshape(pairs).astype(dtype), axis=axis)
    turned = jnp.stack([a * cos - b * sin, a * sin + b * cos], axis)
    return turned.reshape(x.shape).astype(x.dtype)
