"""The layers of a model that have a border, and what each meets in a trace."""

import contextvars
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from flax import nnx
from jax.ad_checkpoint import checkpoint_name

from ..conv.geometry import Geometry, geometry
from ..layers import (
    AvgPool,
    BlurPool,
    Conv,
    ConvTranspose,
    EdgeConv,
    MaxPool,
    Padded,
    Patches,
)
from ..layers.from_flax import from_flax
from ..padding import Padding
from .sight import Sight
from .trace import look


class Call(NamedTuple):
    """One call of a layer with a border.

    Attributes:
        path: of the layer in the model, such as "blocks/0/convs/1".
        input: shape that it was given.
        output: shape that it made.
        sight: what its output sees of the image; None if nothing.
        problem: why its mode could not fill its border; zeros did in its place.
    """

    path: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    sight: Sight | None
    problem: str | None


BORDERED = (nnx.Conv, nnx.ConvTranspose, Padded, EdgeConv)


def bordered(model: nnx.Module) -> dict[str, Any]:
    """The layers with a border, by path; the model itself is ""."""
    return {
        "/".join(map(str, path)): module
        for path, module in nnx.iter_modules(model)
        if isinstance(module, BORDERED)
    }


def calls(
    model: nnx.Module, input_shape: Sequence[int]
) -> tuple[list[Call], Sight | None]:
    """Every call of a layer with a border, in order, and what the output sees."""
    token = _log.set([])
    try:
        sight, _, marks = look(model, input_shape, _watch)
        log = _log.get()
    finally:
        _log.reset(token)
    seen = {mark.name: mark.sight for mark in marks}
    return [
        call._replace(sight=seen.get(_name(n))) for n, call in enumerate(log)
    ], sight


_log: contextvars.ContextVar[list[Call]] = contextvars.ContextVar("calls")


def _name(number: int) -> str:
    return f"jaxpad.check/{number}"


def _watch(model: nnx.Module) -> None:
    """The layers of a model, which is thrown away, log their calls from now on."""
    for path, layer in bordered(model).items():
        layer.path_in_model = path
        layer.__class__ = _watched(type(layer))


@functools.cache
def _watched(kind: type) -> type:
    """The same class of layer, whose calls are logged and results named."""

    def call(layer: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        problem, path = None, layer.path_in_model
        try:
            out = _unwatched(layer, kind)(inputs, *args, **kwargs)
        except ValueError as error:
            if not isinstance(layer, Padded):
                raise
            problem = str(error)
            out = kind.__call__(with_zeros(layer), inputs, *args, **kwargs)
        log = _log.get()
        log.append(Call(path, inputs.shape, out.shape, None, problem))
        return checkpoint_name(out, _name(len(log) - 1))

    return type(kind.__name__, (kind,), {"__call__": call})


def _unwatched(layer: Any, kind: type) -> Callable[..., Any]:
    if kind is not nnx.ConvTranspose:
        return functools.partial(kind.__call__, layer)
    plain = nnx.clone(layer, variables=False)
    plain.__class__ = kind
    return followed(plain)


def followed(layer: Any) -> Any:
    """The same layer, of jaxpad where flax's cannot be followed.

    A transposed convolution of flax folds what it makes by a reshape.
    """
    folds = isinstance(layer, nnx.ConvTranspose) and layer.padding == "CIRCULAR"
    return (as_jaxpad(layer) or layer) if folds else layer


def with_zeros(layer: Padded) -> Padded:
    """The same layer under zero padding, which can fill any border."""
    new = nnx.clone(layer, variables=False)
    new.set_padding(Padding("zero"), layer.amount)
    return new


def as_jaxpad(layer: Any) -> Padded | EdgeConv | None:
    """A convolution of flax as the layer of jaxpad that means the same, if any."""
    if isinstance(layer, (Padded, EdgeConv)):
        return layer
    try:
        return from_flax("", layer)
    except ValueError:
        return None


def window_of(
    layer: Any, shape: Sequence[int], output: Sequence[int]
) -> Geometry | None:
    """The window of a convolution or pool on an input; None for other layers.

    Those of a class made from jaxpad's too, unless it makes outputs of another size.
    """
    scale: Any = 1
    if isinstance(layer, (Conv, ConvTranspose, EdgeConv)):
        taps, stride = layer.kernel_size, layer.strides
        dilation = getattr(layer, "kernel_dilation", 1)
        scale = getattr(layer, "scale", 1)  # it slides over the enlarged image
    elif isinstance(layer, (MaxPool, AvgPool, BlurPool, Patches)):
        taps, dilation = layer.window, getattr(layer, "dilation", 1)
        stride = layer.window if layer.strides is None else layer.strides
    else:
        return None
    if isinstance(layer, ConvTranspose):
        # The convolution that is transposed slides over this one's output.
        shape, output = output, shape
    axes = slice(-1 - len(taps), -1)
    space = np.multiply(shape[axes], scale).tolist()
    try:
        window = geometry(space, taps, stride, dilation, layer.amount)
    except ValueError:
        return None
    return window if window.outputs == tuple(output[axes]) else None
