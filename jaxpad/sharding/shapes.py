"""Which optax chains may see arrays flattened: those to which shape means nothing."""

import collections
import itertools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.extend import core


# They keep the shape of what they take, and yet mean its axes or its order.
ORDERED = {"argsort", "cumsum", "cumprod", "cummax", "cummin", "rev", "sort"}
ORDERED |= {"transpose", "dot_general", "random_bits", "threefry2x32", "iota"}
SIDE = 3  # of a small array; as many zeros stand behind it
SIGNS = (1, -1)  # of the first array's gradient, step by step
ROUNDING = 0.02  # of sums in another order, of bfloat16 too


def needs_shapes(optimizer: optax.GradientTransformation, params: Any) -> str | None:
    """Why an optimizer must see parameters in their own shapes; None if it need not.

    Its update is traced on the parameters and on flat ones. It may see the latter if
    every operation is elementwise or takes in all of an array, as a norm does, and if
    both do the same with the same numbers: a mask that asks for the number of axes
    shows there, and a mean, which zeros at the end would change. What else these zeros
    change, such as a smallest value, shows in steps on small random arrays.

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
    if any(map(_takes_all, found)) and not _alike(optimizer, params):
        return "its steps are others where zeros stand behind an array"
    return None


def _alike(optimizer: optax.GradientTransformation, like: Any) -> bool:
    """Whether steps on flat arrays with zeros behind them are those on arrays as such.

    Small arrays with as many axes stand for the real ones. One is positive, the next
    negative, and so on, for among numbers of both signs a zero is seldom the largest.
    """
    rng = np.random.default_rng(0)

    def drawn(first: int) -> Any:
        leaves, tree = jax.tree.flatten(like)
        signs = itertools.islice(itertools.cycle((first, -first)), len(leaves))
        return tree.unflatten(
            jnp.asarray(sign * (0.5 + rng.random((SIDE,) * len(a.shape))), a.dtype)
            for a, sign in zip(leaves, signs, strict=True)
        )

    def flat(arrays: Any) -> Any:
        return jax.tree.map(lambda a: jnp.pad(a.ravel(), (0, SIDE)), arrays)

    params = drawn(1)
    own, padded = optimizer.init(params), optimizer.init(flat(params))
    for first in SIGNS:
        grads = drawn(first)
        updates, own = optimizer.update(grads, own, params)
        others, padded = optimizer.update(flat(grads), padded, flat(params))
        cut = jax.tree.map(lambda u, o: o[: u.size].reshape(u.shape), updates, others)
        if not all(map(_close, jax.tree.leaves(updates), jax.tree.leaves(cut))):
            return False
    return True


def _takes_all(equation: Any) -> bool:
    """Whether numbers of an array become one."""
    size = max((v.aval.size for v in equation.outvars), default=0)
    return size == 1 and any(v.aval.size > 1 for v in equation.invars)


def _close(x: Any, y: Any) -> bool:
    x, y = (np.asarray(a, np.float64) for a in (x, y))
    scale = np.abs(x).max(initial=0)
    return bool(np.isfinite(scale)) and np.allclose(x, y, ROUNDING, ROUNDING * scale)


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
