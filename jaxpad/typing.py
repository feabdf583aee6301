"""The types in public signatures, in one place."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Shaped


Array = jax.Array
AnyArray = jax.Array | np.ndarray

# Channels last, as everywhere in flax.
Image = Shaped[AnyArray, "batch *space channels"]
Kernel = Shaped[AnyArray, "*window in_per_group out"]

# One number for all axes, or one per axis.
PerAxis = int | Sequence[int]

# (lo, hi) is for every axis; ((lo, hi), ...) is one pair per axis.
Widths = int | tuple[int, int] | Sequence[tuple[int, int]]
Amount = str | Widths


@runtime_checkable
class PadMode(Protocol):
    """Fills padding cells: anything that can be called as `jnp.pad(x, widths)`.

    A function, a partial of `jnp.pad`, or an `nnx.Module` with parameters.
    """

    def __call__(self, x: Array, widths: Sequence[tuple[int, int]], /) -> Array: ...


# A name, a callable, or a tuple of those: one per axis, each perhaps (lo, hi).
Mode = str | PadMode | tuple
