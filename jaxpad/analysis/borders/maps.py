"""What layers make of many images, cell by cell: where a border shows."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Bool, Float

from ...typing import AnyArray, Array
from ..layers import bordered
from ..spectra import feature_maps
from .ring import border_ring, central


MOST = 6  # layers, spread over the depth


class Unevenness(NamedTuple):
    """How a map differs at its border.

    Attributes:
        border_to_centre: mean of the outermost ring by that of the central half; NaN
            where one of them is empty or the centre is zero.
        sides: means of the outermost row or column of cells at the top, bottom, left
            and right, likewise by that of the centre.
    """

    border_to_centre: float
    sides: tuple[float, float, float, float]


def activation_maps(
    model: nnx.Module,
    images: Float[AnyArray, "n h w c"],
    layers: Collection[str] | None = None,
) -> dict[str, Float[np.ndarray, "_ _"]]:
    """The mean magnitude of what each layer makes, cell by cell.

    `A(i, j) = mean over n and c of |a(n, i, j, c)|`. Over many images every place sees
    the same things, so what is left is what the border does. For images of zeros,
    `jnp.zeros_like(images)`, biases and what the padding adds is all there is.

    Args:
        model: an nnx model, which stays as it is; a copy is run in evaluation mode.
        images: as the model takes them.
        layers: names as in `jaxpad.analysis.feature_maps`; by default six at most,
            spread over the depth, of those whose windows meet a border.

    Returns:
        float32 maps by the layer's name, in the order of the calls.

    Raises:
        ValueError: for a layer that is not there.

    Example:
        >>> layer = nnx.Conv(1, 1, (3, 3), kernel_init=nnx.initializers.ones,
        ...                  rngs=nnx.Rngs(0))
        >>> activation_maps(layer, np.ones((2, 3, 3, 1), np.float32))["Conv"]
        array([[4., 6., 4.],
               [6., 9., 6.],
               [4., 6., 4.]], dtype=float32)

    "Mind the Pad" (Alsallakh et al., 2021) shows line artefacts and blind spots by
    these maps.
    """
    x = jnp.asarray(images)
    chosen = layers_with_borders(model, x.shape) if layers is None else layers
    found = magnitude_sums(model, x, jnp.ones(len(x), bool), chosen)
    return {name: np.asarray(total) / len(x) for name, total in found.items()}


def magnitude_sums(
    model: nnx.Module,
    images: Array,
    real: Bool[AnyArray, " n"],
    layers: Collection[str],
) -> dict[str, Float[Array, "_ _"]]:
    """Sums over the images that are real of the mean magnitude over channels."""
    maps = feature_maps(model, images)
    if unknown := sorted(set(layers) - set(maps)):
        raise ValueError(f"layers={unknown}: expected some of {sorted(maps)}.")
    counted = jnp.asarray(real)[:, None, None]
    means = {
        name: jnp.mean(jnp.abs(x.astype(jnp.float32)), -1)
        for name, x in maps.items()
        if name in layers
    }
    return {name: jnp.sum(jnp.where(counted, means[name], 0), 0) for name in layers}


def layers_with_borders(
    model: nnx.Module, input_shape: Sequence[int], most: int = MOST
) -> list[str]:
    """Names of layers whose windows meet a border, spread over the depth.

    Args:
        model: parameters may be shapes alone.
        input_shape: `(batch, height, width, channels)`.
        most: how many at most; the first and the last are among them.
    """
    names: list[str] = []
    layers = bordered(model)

    def note(variables: Any, x: Array) -> None:
        maps = feature_maps(nnx.merge(graph, variables, copy=True), x)
        del maps["input"]
        names.extend(n for n, y in maps.items() if y.ndim == 4 and _is_wide(layers, n))

    graph, variables = nnx.split(model)
    image = jax.ShapeDtypeStruct(tuple(input_shape), jnp.float32)
    jax.eval_shape(note, variables, image)  # which would sort what it returns
    at = np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int)
    return [names[n] for n in at]


def _is_wide(layers: dict[str, Any], name: str) -> bool:
    """Whether a layer's window is more than one cell."""
    path = name.partition(" (")[0]
    layer = layers[path] if path in layers else layers[""]
    window = getattr(layer, "kernel_size", None) or getattr(layer, "window", ())
    return max(window, default=2) > 1


def unevenness(map_: Float[AnyArray, "h w"]) -> Unevenness:
    """How a map of activations differs at its border.

    Args:
        map_: as from `activation_maps`, not negative.

    Returns:
        An `Unevenness`; all ratios are 1 for a flat map.

    Example:
        >>> unevenness(np.array([[4.0, 4, 4, 4], [2, 2, 2, 1], [2, 2, 2, 1],
        ...                      [2, 2, 2, 1]])).sides
        (2.0, 0.875, 1.25, 0.875)
    """
    x = np.asarray(map_, np.float64)
    height, width = x.shape
    centre = _mean(x[central(height, width, 0.5)])
    ring = _mean(x[border_ring(height, width)])
    top, bottom, left, right = (
        _mean(side) for side in (x[:1], x[-1:], x[:, :1], x[:, -1:])
    )
    if not centre > 0:
        centre = float("nan")
    return Unevenness(
        ring / centre, (top / centre, bottom / centre, left / centre, right / centre)
    )


def _mean(x: np.ndarray) -> float:
    return float(x.mean()) if x.size else float("nan")
