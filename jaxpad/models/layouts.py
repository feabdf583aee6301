"""How libraries lay out the arrays that flax has in another order of axes."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from flax import nnx

from ..layers import Conv


class Layout(NamedTuple):
    """From the published order of axes to flax's, and back."""

    read: Callable[[np.ndarray], np.ndarray]
    write: Callable[[np.ndarray], np.ndarray]


SAME = Layout(lambda a: a, lambda a: a)
COLUMN = Layout(lambda a: a.reshape(len(a)), lambda a: a[:, None, None])
_conv = Layout(lambda a: a.transpose(2, 3, 1, 0), lambda a: a.transpose(3, 2, 0, 1))
# timm writes some dense layers as convolutions over the whole map.
_dense = Layout(lambda a: a.reshape(len(a), -1).T, lambda a: a.T)

_affine = {"weight": ("scale", SAME), "bias": ("bias", SAME)}
_LEAVES: dict[type, dict[str, tuple[str, Layout]]] = {
    Conv: {"weight": ("kernel", _conv), "bias": ("bias", SAME)},
    nnx.Linear: {"weight": ("kernel", _dense), "bias": ("bias", SAME)},
    nnx.Embed: {"weight": ("embedding", SAME)},
    nnx.LayerNorm: _affine,
    nnx.BatchNorm: {
        **_affine, "running_mean": ("mean", SAME), "running_var": ("var", SAME)
    },
}  # fmt: skip


def leaves_of(layer: Any) -> dict[str, tuple[str, Layout]]:
    """Of each published array of a layer the name of flax's, and the order of its axes.

    Raises:
        KeyError: for a layer that no library has.
    """
    if isinstance(layer, nnx.LinearGeneral):
        return _with_heads(layer)
    return _LEAVES[type(layer)]


def _with_heads(layer: nnx.LinearGeneral) -> dict[str, tuple[str, Layout]]:
    """A dense layer to or from the heads of an attention, published without them."""
    kernel, bias = layer.kernel.shape, layer.out_features
    sizes = math.prod(layer.out_features), math.prod(layer.in_features)

    def read(a: np.ndarray) -> np.ndarray:
        if a.shape != sizes:
            raise ValueError(f"{a.shape} is not {sizes}")
        return a.T.reshape(kernel)

    weights = Layout(read, lambda a: a.reshape(sizes[::-1]).T)
    shifts = Layout(lambda a: a.reshape(bias), lambda a: a.reshape(-1))
    return {"weight": ("kernel", weights), "bias": ("bias", shifts)}
