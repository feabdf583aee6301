"""Which optax chains may see arrays flattened: those to which shape means nothing."""

import collections
from collections.abc import Iterator
from typing import Any

import jax
import optax
from jax.extend import core


# They keep the shape of what they take, and yet mean its axes or its order.
ORDERED = {"argsort", "cumsum", "cumprod", "cummax", "cummin", "rev", "sort"}
ORDERED |= {"transpose", "dot_general", "random_bits", "threefry2x32"}


def needs_shapes(optimizer: optax.GradientTransformation, params: Any) -> str | None:
    """Why an optimizer must see parameters in their own shapes; None if it need not.

    Its update is traced on the parameters and on flat ones. It may see the latter if
    every operation is elementwise or takes in all of an array, as a norm does, and if
    both do the same with the same numbers: a mask that asks for the number of axes
    shows there, and a mean, which zeros at the end would change.

    Args:
        optimizer: an optax chain.
        params: arrays or their shapes.

    Returns:
        The operation that needs a shape, in words.

    Example:
        >>> kernel = jax.ShapeDtypeStruct((256, 128), "float32")
        >>> needs_shapes(optax.sgd(0.1, momentum=0.9), kernel)
        >>> needs_shapes(optax.centralize(), kernel)
        'it takes a reduce_sum over a part of the axes'
    """
    params = jax.tree.map(lambda p: jax.ShapeDtypeStruct(p.shape, p.dtype), params)
    flat = jax.tree.map(lambda p: jax.ShapeDtypeStruct((p.size + 1,), p.dtype), params)
    counts = []
    for like in (params, flat):
        found = list(_equations(_update(optimizer, like)))
        for equation in found:
            if reason := _reason(equation):
                return reason
        counts.append(collections.Counter(map(_numbers, found)))
    if counts[0] != counts[1]:
        return "it asks for the number of axes or elements, as a mask or a mean does"
    return None


def _update(optimizer: optax.GradientTransformation, like: Any) -> Any:
    state = jax.eval_shape(optimizer.init, like)
    return jax.make_jaxpr(optimizer.update)(like, state, like).jaxpr


def _equations(jaxpr: Any) -> Iterator[Any]:
    """All equations; of those that hold others, these alone."""
    for equation in jaxpr.eqns:
        inner = [
            getattr(value, "jaxpr", value)
            for value in jax.tree.leaves(list(equation.params.values()), is_leaf=_holds)
            if _holds(value)
        ]
        for other in inner:
            yield from _equations(other)
        if not inner:
            yield equation


def _holds(value: Any) -> bool:
    return hasattr(value, "eqns")


def _numbers(equation: Any) -> tuple[str, ...]:
    """The name of an operation, and the numbers that are written into it."""
    literals = (str(v.val) for v in equation.invars if isinstance(v, core.Literal))
    return equation.primitive.name, *literals


def _reason(equation: Any) -> str | None:
    name = equation.primitive.name
    # A norm may keep its axes, of one cell each.
    shapes = {
        v.aval.shape for v in (*equation.invars, *equation.outvars) if v.aval.size > 1
    }
    if name in ORDERED:
        return f"it takes a {name}"
    if len(shapes) > 1:
        part = " over a part of the axes" if name.startswith("reduce") else ""
        return f"it takes a {name}{part}"
    return None
