"""Memory of a program before it is compiled: what is alive when, by its shapes."""

import collections
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend import core


def live_bytes(function: Callable[..., Any], *arguments: Any) -> int:
    """The most bytes alive at once, if operations ran one by one, in order.

    Every result counts from its operation to the last one that reads it; arguments
    count throughout. A compiler that fuses operations needs less for them, and one that
    reorders them or needs scratch space may need more.

    Args:
        function: of pytrees of arrays.
        arguments: arrays or their shapes.

    Returns:
        Bytes, over all devices together.

    Example:
        >>> x = jax.ShapeDtypeStruct((1000,), "float32")
        >>> live_bytes(lambda x: (x + 1) * 2, x)  # x, x + 1 and the result
        12000
    """
    closed = jax.make_jaxpr(function)(*arguments)
    constants = sum(_bytes(v.aval) for v in closed.jaxpr.constvars)
    inputs = sum(_bytes(v.aval) for v in closed.jaxpr.invars)
    return constants + inputs + _peak(closed.jaxpr)


def _peak(jaxpr: Any) -> int:
    """The most bytes that the results in a jaxpr, and in what it calls, take."""
    last = {}
    for number, equation in enumerate(jaxpr.eqns):
        last |= {v: number for v in equation.invars if isinstance(v, core.Var)}
    last |= dict.fromkeys(
        (v for v in jaxpr.outvars if isinstance(v, core.Var)), len(jaxpr.eqns)
    )
    made = {v for equation in jaxpr.eqns for v in equation.outvars}
    ends = collections.defaultdict(list)
    for variable, number in last.items():
        if variable in made:
            ends[number].append(variable)
    alive = peak = 0
    for number, equation in enumerate(jaxpr.eqns):
        results = sum(_bytes(v.aval) for v in equation.outvars)
        # What is called makes its results itself.
        inner = max(map(_peak, _called(equation)), default=0)
        peak = max(peak, alive + max(results, inner))
        kept = sum(_bytes(v.aval) for v in equation.outvars if v in last)
        alive += kept - sum(_bytes(v.aval) for v in ends[number])
    return peak


def _called(equation: Any) -> Iterator[Any]:
    """The programs inside an operation: of jit, scan, custom gradients and so on."""
    for value in equation.params.values():
        for one in value if isinstance(value, tuple | list) else [value]:
            program = getattr(one, "jaxpr", one)  # some are closed over constants
            if isinstance(program, core.Jaxpr):
                yield program


def _bytes(aval: Any) -> int:
    try:
        return aval.size * aval.dtype.itemsize
    except AttributeError:  # a token, or a key: next to nothing
        return 0


def size(count: int) -> str:
    """Bytes in the unit that suits them.

    Example:
        >>> size(2**20), size(5 * 2**30)
        ('1.0 MiB', '5.0 GiB')
    """
    return f"{count / 2**20:.1f} MiB" if count < 2**30 else f"{count / 2**30:.1f} GiB"
