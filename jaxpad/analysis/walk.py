"""Walks the operations of a traced function and keeps account of what each sees."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend import core

from .join import join
from .sight import Sight, everything, move


class Known(NamedTuple):
    """An array that does not depend on the image.

    Attributes:
        value: computes it, or gives None if it depends on another argument.
        shape: its shape.
    """

    value: Callable[[], np.ndarray | None]
    shape: tuple[int, ...]


Value = Sight | Known
# From the operation's parameters, shapes and arguments to what its results see.
Rule = Callable[..., Sight | list[Sight]]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Adds a rule for the primitives of these names."""

    def add(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return add


class Marked(NamedTuple):
    """A value to which the traced function gave a name, and what it sees."""

    name: str
    sight: Sight
    shape: tuple[int, ...]


def walk(closed: Any, values: Sequence[Value], marks: list[Marked]) -> list[Value]:
    """What the results of a jaxpr see, from what its arguments see."""
    jaxpr, consts = (
        (closed.jaxpr, closed.consts) if hasattr(closed, "jaxpr") else (closed, ())
    )
    environment: dict[Any, Value] = dict(zip(jaxpr.invars, values, strict=True))
    for var, const in zip(jaxpr.constvars, consts, strict=True):
        environment[var] = constant(const)

    def read(var: Any) -> Value:
        return constant(var.val) if isinstance(var, core.Literal) else environment[var]

    for eqn in jaxpr.eqns:
        results = _apply(eqn, [read(var) for var in eqn.invars], marks)
        environment.update(zip(eqn.outvars, results, strict=True))
    return [read(var) for var in jaxpr.outvars]


def constant(value: Any) -> Known:
    """An array that is there."""
    return Known(lambda: value, np.shape(value))


# They call a function, but not with their own arguments: with those of another step, or
# with one device's part of them.
OPAQUE = ("while", "shard_map")
_clock = itertools.count(1)


def _apply(eqn: Any, values: list[Value], marks: list[Marked]) -> list[Value]:
    if not any(isinstance(value, Sight) for value in values):
        return _later(eqn, values)
    name = eqn.primitive.name
    inner = _inner(eqn)
    if name in RULES:
        results = RULES[name](eqn, *values)
    elif name == "scan":
        return _scan(eqn, values, marks)
    elif name == "cond":
        return _cond(eqn, values, marks)
    elif inner is not None:
        return walk(inner, values, marks)
    else:
        results = _unknown(eqn, values)
    results = results if isinstance(results, list) else [results]
    results = [sight._replace(born=next(_clock)) for sight in results]
    if name not in ("pad", "rev", "add_any"):
        results = [sight._replace(terms=()) for sight in results]
    if name == "name":
        marks.append(Marked(eqn.params["name"], results[0], eqn.outvars[0].aval.shape))
    return list(results)


def _inner(eqn: Any) -> Any:
    """The function that an operation such as jit calls with its own arguments."""
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        jaxpr = eqn.params.get(key)
        if jaxpr is not None and eqn.primitive.name not in OPAQUE:
            invars = getattr(jaxpr, "jaxpr", jaxpr).invars
            return jaxpr if len(invars) == len(eqn.invars) else None
    return None


def _later(eqn: Any, values: list[Any]) -> list[Value]:
    """An operation without the image, computed if somebody asks."""

    @functools.cache
    def results() -> Any:
        arguments = [value.value() for value in values]
        if any(argument is None for argument in arguments):
            return None
        inner = _inner(eqn)
        with jax.ensure_compile_time_eval():
            if hasattr(inner, "consts"):
                return core.jaxpr_as_fun(inner)(*arguments)
            out = eqn.primitive.bind(*arguments, **eqn.params)
        return out if eqn.primitive.multiple_results else [out]

    def value(n: int) -> np.ndarray | None:
        found = results()
        return None if found is None else np.asarray(found[n])

    return [
        Known(functools.partial(value, n), var.aval.shape)
        for n, var in enumerate(eqn.outvars)
    ]


def sights(values: Sequence[Value]) -> list[Sight]:
    """Those that depend on the image."""
    return [value for value in values if isinstance(value, Sight)]


def _unknown(eqn: Any, values: list[Value]) -> list[Sight]:
    """Every result sees what all arguments see, and says that this is a guess."""
    sight = join([everything(s) for s in sights(values)])
    sight = sight._replace(unknown=sight.unknown | {eqn.primitive.name})
    return [sight] * len(eqn.outvars)


def _merge(results: Sequence[Sequence[Value]]) -> list[Value]:
    """What may come from either of several functions."""
    merged = []
    for values in zip(*results, strict=True):
        known = sights(values)
        merged.append(join(known) if known else Known(lambda: None, values[0].shape))
    return merged


def _cond(eqn: Any, values: list[Value], marks: list[Marked]) -> list[Value]:
    which, *rest = values
    results = [walk(branch, rest, marks) for branch in eqn.params["branches"]]
    if not isinstance(which, Sight):
        return _merge(results)
    return [join([everything(which), *sights([value])]) for value in _merge(results)]


def _scan(eqn: Any, values: list[Value], marks: list[Marked]) -> list[Value]:
    """Step by step, since what a loop of convolutions sees grows with each."""
    body = eqn.params["jaxpr"]
    # By shapes, since versions of jax name the counts differently: what is scanned
    # has one axis more outside the loop.
    carries = _as_inside(eqn.outvars, body.jaxpr.outvars)
    whole = _as_inside(eqn.invars, body.jaxpr.invars)
    fixed, carry = values[: whole - carries], values[whole - carries : whole]
    rows = [_row(value) for value in values[whole:]]
    stacked: list[list[Value]] = []
    for _ in range(eqn.params["length"]):
        out = walk(body, [*fixed, *carry, *rows], marks)
        carry, last = out[:carries], out[carries:]
        stacked.append([_stack(value) for value in last])
    return [*carry, *(_merge(stacked) if stacked else [])]


def _as_inside(outside: Sequence[Any], inside: Sequence[Any]) -> int:
    pairs = zip(outside, inside, strict=True)
    return sum(a.aval.shape == b.aval.shape for a, b in pairs)


def _row(value: Value) -> Value:
    """One entry of the first axis, whichever it is."""
    if isinstance(value, Known):
        return Known(lambda: None, value.shape[1:])
    rank = 1 + max((x.at for x in value.axes if x.at is not None), default=0)
    return move(value, {at: at - 1 for at in range(1, rank)})


def _stack(value: Value) -> Value:
    if isinstance(value, Known):
        return Known(lambda: None, (0, *value.shape))
    rank = 1 + max((x.at for x in value.axes if x.at is not None), default=0)
    return move(value, {at: at + 1 for at in range(rank)})
