"""The frequencies in what each layer of a model makes, and their picture."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..spectral.propagate import log_magnitude, low_share
from ..typing import AnyArray, Array, Image
from .layers import bordered


if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Below the strongest frequency by so many powers of 10, a map is black.
DECADES = 4


def feature_maps(model: nnx.Module, images: Image) -> dict[str, Array]:
    """What each layer with a border makes of images, in the order of the calls.

    Args:
        model: an nnx model, which stays as it is; a copy is run in evaluation mode.
        images: `[batch, *space, channels]`.

    Returns:
        `[batch, *space, channels]` by the layer's path in the model, such as
        "blocks/0/convs/1". Of a layer that is called again the path goes on with
        " (2)". The images themselves are "input".

    Example:
        >>> from jaxpad.layers import Conv
        >>> model = nnx.Sequential(Conv(1, 4, (3, 3), rngs=nnx.Rngs(0)), nnx.relu)
        >>> maps = feature_maps(model, jnp.ones((2, 8, 8, 1)))
        >>> {path: x.shape for path, x in maps.items()}
        {'input': (2, 8, 8, 1), 'layers/0': (2, 8, 8, 4)}
    """
    found = {"input": jnp.asarray(images)}
    copy: Any = nnx.clone(model)
    copy.eval()
    for path, layer in bordered(copy).items():
        keep = functools.partial(_keep, found, path or type(layer).__name__)
        layer.__class__ = _watched(type(layer), keep)
    copy(found["input"])
    return found


def plot_spectra(
    model: nnx.Module | Mapping[str, AnyArray], images: Image | None = None
) -> "Figure":
    """Draws the magnitude of every frequency, layer by layer.

    A map is `jaxpad.spectral.propagate.log_magnitude`, frequency 0 in the middle, from
    the strongest frequency of the layer (bright) to 1/10,000 of it (black). Its title
    has the share of low frequencies, the mean over the images.

    Args:
        model: an nnx model, or feature maps by name: `[batch, *space, channels]`.
        images: what the model is shown; None for feature maps.

    Returns:
        A matplotlib figure: `plot_spectra(...).savefig("spectra.png")`. matplotlib
        comes with `pip install "jaxpad[train]"`.

    Raises:
        ValueError: for a model without images, or three space axes.

    Example:
        >>> x = jnp.ones((1, 8, 8, 3))
        >>> figure = plot_spectra({"images": x, "differences": x - x.mean()})
        >>> [axes.get_title() for axes in figure.axes]
        ['images\\nlow 100%', 'differences\\nlow nan%']
    """
    from matplotlib.figure import Figure

    maps = model
    if isinstance(maps, nnx.Module):
        if images is None:
            raise ValueError(
                "plot_spectra: images is None; a model needs some to look at, "
                "as in plot_spectra(model, images)."
            )
        maps = feature_maps(maps, images)
    columns = min(len(maps), 6)
    rows = math.ceil(len(maps) / columns)
    size = (1.7 * columns, 2.1 * rows)
    figure = Figure(figsize=size, layout="constrained")
    for number, (name, x) in enumerate(maps.items(), 1):
        axes = figure.add_subplot(rows, columns, number)
        low = float(jnp.mean(low_share(x)))
        axes.set_title(f"{name}\nlow {low:.0%}", fontsize=8)
        _draw(axes, name, np.asarray(log_magnitude(x)))
    return figure


def _draw(axes: Any, name: str, magnitude: np.ndarray) -> None:
    top = magnitude.max()
    top = top if np.isfinite(top) else 0.0
    if magnitude.ndim > 2:
        raise ValueError(
            f"plot_spectra: {name} has {magnitude.ndim} space axes; a picture has one "
            "or two. Give it a mean over one of them, as in {name: x.mean(axis=1)}."
        )
    if magnitude.ndim == 1:
        frequencies = np.arange(len(magnitude)) - len(magnitude) // 2
        axes.plot(frequencies, np.maximum(magnitude - top, -DECADES), color="k")
        axes.set_ylim(-DECADES, 0)
        return
    axes.imshow(magnitude, vmin=top - DECADES, vmax=top, cmap="inferno")
    axes.set(xticks=[], yticks=[])


def _keep(found: dict[str, Array], path: str, value: Array) -> None:
    calls = sum(name == path or name.startswith(f"{path} (") for name in found)
    found[f"{path} ({calls + 1})" if calls else path] = value


def _watched(kind: type, keep: Callable[[Array], None]) -> type:
    """The same class of layer, whose results are kept."""

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        out = kind.__call__(layer, *args, **kwargs)
        keep(out)
        return out

    return type(kind.__name__, (kind,), {"__call__": call})
