"""How often a pixel is used on its way into a layer."""

import dataclasses
import functools
import math
from collections.abc import Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float

from ...conv import avg_pool
from ...layers import (
    STATEFUL,
    AvgPool,
    Conv,
    ConvTranspose,
    MaxPool,
    OrthogonalConv,
    OrthogonalConvTranspose,
)
from ..spectra import feature_maps
from ..trace import image_shape
from .maps import layers_with_borders


NORMS = (nnx.BatchNorm, nnx.LayerNorm, nnx.GroupNorm, nnx.RMSNorm, nnx.InstanceNorm)
ORTHOGONAL = {OrthogonalConv: Conv, OrthogonalConvTranspose: ConvTranspose}
BRIGHT = 30.0  # of every pixel: where relu, gelu and silu are the identity


def foveation_maps(
    model: nnx.Module, input_shape: Sequence[int], layers: Collection[str] | None = None
) -> dict[str, Float[np.ndarray, "h w"]]:
    """How often each pixel is used: the number of its paths into each layer.

    `F(i, j) = sum over cells of d y / d x(i, j)`, where y is a layer's output and every
    weight is 1: each tap of a window is a path. Along an axis one 3x3 window counts
    2 3 3 ... 3 3 2 under zero, 3 3 3 under circular, symmetric and replicate, 2 4 3
    under reflect, and 2.5 3.5 3 under partial, whose weights near the border count for
    more. Channels count once, norms and what relu, gelu or silu does not at all, and a
    pool counts each cell of its window. Only layers count so: a pool that is called as
    a function counts the cell that wins.

    Args:
        model: an nnx model, which stays as it is. Its parameters are not read, and may
            be shapes alone.
        input_shape: `(batch, height, width, channels)`.
        layers: names as in `activation_maps`, which has the same default.

    Returns:
        float64 `[height, width]` by the layer's name; exact below 2^24. Where there are
        too many paths for a float32, the map holds infinities.

    Raises:
        ValueError: for a layer that is not there.

    Example:
        >>> layer = nnx.Conv(1, 8, (3, 3), rngs=nnx.Rngs(0))
        >>> foveation_maps(layer, (1, 4, 4, 1))["Conv"]
        array([[4., 6., 6., 4.],
               [6., 9., 9., 6.],
               [6., 9., 9., 6.],
               [4., 6., 6., 4.]])

    "Mind the Pad" (Alsallakh et al., 2021).
    """
    shape = (1, *image_shape(input_shape)[1:])
    copy = _with_paths(model)
    chosen = layers_with_borders(copy, shape) if layers is None else list(layers)
    if not chosen:
        return {}
    graph, state = nnx.split(copy)

    def paths(state: Any, image: Any) -> Any:
        x = jnp.broadcast_to(image, shape)
        maps = feature_maps(nnx.merge(graph, state, copy=True), x)
        if unknown := sorted(set(chosen) - set(maps)):
            raise ValueError(f"layers={unknown}: expected some of {sorted(maps)}.")
        return jnp.stack([jnp.sum(maps[n].mean(-1)) for n in chosen])

    bright = jnp.full((*shape[:-1], 1), BRIGHT)
    found = jax.jit(jax.jacrev(paths, argnums=1))(state, bright)
    maps = _whole(np.asarray(found, np.float64)[:, 0, :, :, 0])
    return dict(zip(chosen, maps, strict=True))


def _with_paths(model: nnx.Module) -> nnx.Module:
    """A copy whose weights are 1, and whose channels are averaged."""
    graph, state = nnx.split(model)
    copy: Any = nnx.merge(graph, jax.tree.map(_there, state), copy=True)
    copy.eval()
    layers: list[Any] = [layer for _, layer in nnx.iter_modules(copy)]
    for layer in layers:
        if hasattr(layer, "dtype"):
            layer.dtype = jnp.float32
        if isinstance(layer, NORMS):
            layer.__class__ = _identity(type(layer))
        elif isinstance(layer, (MaxPool, AvgPool)):
            layer.__class__ = _summing(type(layer))
        elif not isinstance(layer, tuple(STATEFUL.values())):
            _count(layer)
    return copy


def _whole(paths: np.ndarray) -> np.ndarray:
    """Without the rounding of means over channels, where whole numbers are meant."""
    nearest = np.rint(paths)
    return np.where(np.isclose(paths, nearest, rtol=3e-6, atol=0), nearest, paths)


def _there(array: Any) -> Any:
    """An array on this process alone, of which perhaps only the shape is there."""
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):  # nothing is drawn
        return jnp.broadcast_to(jax.random.key(0), array.shape)
    if isinstance(array, jax.ShapeDtypeStruct):
        return jnp.zeros(array.shape, array.dtype)
    return jnp.asarray(np.asarray(array))


def _count(layer: Any) -> None:
    """Every weight of a layer becomes 1, by the channels that it adds up."""
    for special, plain in ORTHOGONAL.items():
        if isinstance(layer, special):  # its kernel is made, not held
            shape = layer.kernel.shape
            layer.__class__ = plain
            layer.kernel = nnx.Param(jnp.ones(shape))
    for name, variable in vars(layer).items():
        if isinstance(variable, nnx.Param):
            shape, weight = variable[...].shape, 1.0
            if name in ("kernel", "kernels"):
                groups = getattr(layer, "feature_group_count", 1)
                weight = groups / getattr(layer, "in_features", shape[-2])
            variable[...] = jnp.full(shape, 0.0 if name == "bias" else weight)


@functools.cache
def _identity(kind: type) -> type:
    return type(kind.__name__, (kind,), {"__call__": lambda self, x, *args, **kw: x})


@functools.cache
def _summing(kind: type) -> type:
    """A pool that adds the cells of its window up."""

    def call(layer: Any, inputs: Any, mask: Any = None) -> Any:
        padding = layer.drawn()
        if isinstance(layer, MaxPool):
            padding = dataclasses.replace(padding, reweight=None)
        size = math.prod(layer.window)
        return size * avg_pool(
            inputs, layer.window, stride=layer.strides, padding=padding
        )

    return type(kind.__name__, (kind,), {"__call__": call})
