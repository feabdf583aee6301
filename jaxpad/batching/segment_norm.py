"""Normalisation over the cells of each sequence."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Shaped

from ..conv.arguments import whole
from ..padding import sum_dtype
from ..typing import AnyArray, Array
from .batch import Ragged, one_array
from .per_sequence import sum_per_sequence, to_cells


def segment_norm(
    batch: Ragged,
    *,
    groups: int = 1,
    epsilon: float = 1e-6,
    scale: Shaped[AnyArray, " features"] | None = None,
    bias: Shaped[AnyArray, " features"] | None = None,
) -> Ragged:
    """Group normalisation of each sequence over its cells and a group's features.

    `y = (x - mean) / sqrt(variance + epsilon) * scale + bias`. Padding counts in no
    mean. With `groups` of 1 it is the norm of speech models' stems, with as many as
    features instance normalisation. A layer norm is over features alone and needs no
    segments.

    Args:
        batch: values `[rows, capacity, features]`, floating point.
        groups: the features are split into so many, each with its own mean.
        epsilon: added to the variance.
        scale: `[features]`, or None for 1.
        bias: `[features]`, or None for 0.

    Returns:
        The batch with values of the same shape and dtype, 0 in empty cells.

    Raises:
        ValueError: for shapes or groups that do not fit.

    Example:
        >>> from jaxpad.batching import pack_sequences
        >>> batch = pack_sequences([[[1.0], [3.0]], [[5.0], [5.0], [8.0]]], capacity=6)
        >>> segment_norm(batch).values[0, :, 0]
        Array([-0.9999995,  0.9999995, -0.7071066, -0.7071066,  1.4142132,
                0.       ], dtype=float32)

    "Group Normalization", Wu and He, 2018.
    """
    values, groups = one_array("segment_norm", batch), whole("groups", groups)
    _check(values, groups, scale, bias)
    features = values.shape[-1]
    x = values.astype(sum_dtype(values.dtype))
    x = x.reshape(*values.shape[:2], groups, features // groups)
    real = batch.real[..., None, None]
    x = jnp.where(real, x, 0)
    x = jnp.where(real, x - _mean(x, batch)[..., None], 0)
    y = x * lax.rsqrt(_mean(x * x, batch) + epsilon)[..., None]
    y = y.reshape(values.shape)
    if scale is not None:
        y = y * jnp.asarray(scale, y.dtype)[None, None]
    if bias is not None:
        y = jnp.where(
            batch.real[..., None], y + jnp.asarray(bias, y.dtype)[None, None], 0
        )
    return batch.replace(y.astype(values.dtype))


def _mean(x: Array, batch: Ragged) -> Array:
    """Of each sequence and group, in its cells."""
    sums = sum_per_sequence(x.mean(-1), batch)
    return to_cells(
        sums / jnp.maximum(batch.lengths, 1)[:, None].astype(x.dtype), batch
    )


def _check(
    x: Array, groups: int, scale: AnyArray | None, bias: AnyArray | None
) -> None:
    if x.ndim != 3 or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"segment_norm: values are {x.dtype} of shape {x.shape}: expected floating "
            "point of [rows, capacity, features]."
        )
    if x.shape[-1] % groups:
        raise ValueError(f"groups={groups} must divide the {x.shape[-1]} features.")
    for name, given in (("scale", scale), ("bias", bias)):
        if given is not None and given.shape != x.shape[-1:]:
            raise ValueError(
                f"{name} has shape {given.shape}: expected ({x.shape[-1]},)."
            )
