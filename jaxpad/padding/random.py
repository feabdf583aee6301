"""Random padding: zeros on a side that is drawn anew at each step of training."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..typing import Array
from .catalogue import MODES


@MODES.register(laws=("identity", "affine", "transforms", "dtype"))
def random(
    x: Array, widths: Sequence[tuple[int, int]], *, key: Array | None = None
) -> Array:
    """000 000|abcd| or |abcd|000 000

    Augmentation in training: a network cannot tell where it is from zeros that change
    sides. With a `key` the lo + hi zeros of an axis all stand before it or all after
    it, with equal chance, drawn for each axis once for the whole array (`jax.vmap`
    over keys draws for each image). Without a key, as in evaluation, lo and hi are as
    given: zero padding. The zeros count: they are not absent cells, so that partial
    convolution takes them for real and they may win in a maximum. A layer draws its
    keys from its rngs. "Random Padding Data
    Augmentation" (Yang et al., 2023).
    """
    if key is None:
        return _zeros(x, widths)
    if not isinstance(key, (jax.Array, np.ndarray)):
        raise TypeError(
            f"random: key={key!r}: expected a key of jax.random, as jax.random.key(0)."
        )
    for axis, (lo, hi) in enumerate(widths):
        if lo == hi == 0:
            continue
        key, drawn = jax.random.split(key)
        one_axis = [(0, 0)] * x.ndim
        one_axis[axis] = (lo + hi, 0)
        before = _zeros(x, one_axis)
        one_axis[axis] = (0, lo + hi)
        x = jnp.where(jax.random.bernoulli(drawn), before, _zeros(x, one_axis))
    return x


def _zeros(x: Array, widths: Sequence[tuple[int, int]]) -> Array:
    pairs = [(lo, hi, 0) for lo, hi in widths]
    return lax.pad(x, jnp.zeros((), x.dtype), pairs)
