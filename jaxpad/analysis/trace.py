"""Traces a function of images, and tells what its output sees of them."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ..layers import Conv

# Imported for the rules that they add.
from . import reshaping as reshaping, update as update, windowed as windowed
from .sight import Sight, of_image
from .walk import Known, Marked, walk


def look(
    function: Callable[..., Any],
    input_shape: Sequence[int],
    prepare: Callable[[nnx.Module], None] = lambda model: None,
) -> tuple[Sight | None, tuple[int, ...], list[Marked]]:
    """What the output of a function of images sees of them.

    Args:
        function: of an image, or an nnx model, which is taken in evaluation mode.
        input_shape: `(batch, *space, channels)`.
        prepare: changes the copy of the model that is traced.

    Returns:
        What the output sees (None if it does not depend on the image), its shape,
        and the values that were named with `checkpoint_name`.

    Raises:
        ValueError: if the output is not one array, or the shape not an image's.
        TypeError: if the shape is not one of whole numbers.
    """
    shape = image_shape(input_shape)
    closed = _trace(function, jax.ShapeDtypeStruct(shape, jnp.float32), prepare)
    if len(closed.jaxpr.outvars) != 1:
        raise ValueError(_not_one(function, len(closed.jaxpr.outvars)))
    image, marks = of_image(shape[1:-1]), []
    *rest, _ = closed.jaxpr.invars
    unknown = [Known(lambda: None, var.aval.shape) for var in rest]
    (out,) = walk(closed, [*unknown, image], marks)
    shape = closed.jaxpr.outvars[0].aval.shape
    return (out if isinstance(out, Sight) else None), shape, marks


def image_shape(given: Any) -> tuple[int, ...]:
    """Reads `(batch, *space, channels)`."""
    try:
        shape = tuple(map(operator.index, given))
    except TypeError as e:
        raise TypeError(
            f"input_shape={given!r}: expected whole numbers (batch, *space, channels), "
            "such as (1, 224, 224, 3); any batch will do."
        ) from e
    if len(shape) < 3 or min(shape) < 1:
        raise ValueError(
            f"input_shape={shape}: expected (batch, *space, channels), such as "
            "(1, 224, 224, 3)."
        )
    return shape


def _not_one(function: Callable[..., Any], count: int) -> str:
    if isinstance(function, nnx.Module):
        what, wrapped = "model", "nnx.Sequential(model, lambda first, *rest: first)"
    else:
        what, wrapped = "function", "lambda x: function(x)[0]"
    return f"the {what} returns {count} arrays: return one, for example by {wrapped}."


def _trace(
    function: Callable[..., Any],
    image: jax.ShapeDtypeStruct,
    prepare: Callable[[nnx.Module], None],
) -> Any:
    if not isinstance(function, nnx.Module):
        return jax.make_jaxpr(function)(image)
    graph, state = nnx.split(function)

    def call(state: Any, x: Any) -> Any:
        # A copy, so that the model and its statistics stay as they are.
        model: Any = nnx.merge(graph, state)
        model.eval()
        for _, layer in nnx.iter_modules(model):
            if isinstance(layer, Conv):
                # A strategy does not change what is seen, but may hide it.
                layer.strategy = "built_in"
        prepare(model)
        return model(x)

    return jax.make_jaxpr(call)(state, image)
