"""Which layers of a model have a border, and what each was given in a trace."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.ad_checkpoint import checkpoint_name

from ..layers import AvgPool, Conv, MaxPool, Padded, replace_padding
from ..padding import Padding
from .sight import Sight
from .trace import look


class Call(NamedTuple):
    """One call of a layer with a border.

    Attributes:
        path: of the layer in the model, such as "blocks/0/convs/1".
        layer: it; a `flax.nnx.Conv` as the `jaxpad.layers.Conv` of the same meaning
            where there is one.
        input: shape that it was given.
        output: shape that it made.
        sight: what its output sees of the image.
        problem: why its mode could not fill its border, if so; then zeros did.
    """

    path: str
    layer: nnx.Module
    input: tuple[int, ...]
    output: tuple[int, ...]
    sight: Sight
    problem: str | None


def calls(
    model: nnx.Module, input_shape: Sequence[int]
) -> tuple[list[Call], Sight | None]:
    """Every call of a layer with a border, in order, and what the output sees.

    The layers of a copy of the model get a class that names what they make; the
    names are found in the traced program.
    """
    graph, state = nnx.split(model)
    ways: dict[str, tuple[str, Any, tuple[int, ...], str | None]] = {}

    def call(layer: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        plain, problem = type(layer).__mro__[1].__call__, None
        try:
            out = plain(layer, inputs, *args, **kwargs)
        except ValueError as error:
            if not isinstance(layer, Padded):
                raise
            problem, padding = str(error), Padding("zero", layer.amount)
            layer.set_padding(padding, layer.amount)
            out = plain(layer, inputs, *args, **kwargs)
        name = f"{layer.path_in_model}#{len(ways)}"
        ways[name] = (layer.path_in_model, jnp.shape(inputs), problem)
        return checkpoint_name(out, name)
