"""What operations without a window make of what their arguments see."""

import math
from typing import Any

import numpy as np

from .join import join
from .sight import Sight, collapse, move, through
from .walk import Value, rule, sights
from .windows import Reads, Window


CELL_BY_CELL = """
abs acos acosh add and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt
ceil clamp conj convert_element_type copy copy_p cos cosh digamma div eq erf erf_inv
erfc exp exp2 expm1 floor ge gt imag integer_pow is_finite le lgamma log log1p logistic
lt max min mul name ne neg nextafter not optimization_barrier or population_count pow
pvary real reduce_precision rem round rsqrt sharding_constraint
shift_left shift_right_arithmetic shift_right_logical sign sin sinh sqrt square
stop_gradient sub tan tanh xor
""".split()


@rule(*CELL_BY_CELL)
def cell_by_cell(eqn: Any, *values: Value) -> Sight | list[Sight]:
    """Each cell of the result sees what the cells in its place see."""
    return [join(sights(values))] * len(eqn.outvars)


@rule("broadcast_in_dim")
def broadcast(eqn: Any, x: Sight, *_: Value) -> Sight:
    """Axes move; one of a single cell may become many."""
    # A transpose names its axes by numbers of NumPy.
    to = [int(at) for at in eqn.params["broadcast_dimensions"]]
    size = eqn.outvars[0].aval.shape
    old = eqn.invars[0].aval.shape
    windows = {
        at: Window(size[to[at]], stride=0)
        for at, n in enumerate(old)
        if n == 1 and size[to[at]] > 1
    }
    return move(through(x, windows), dict(enumerate(to)))


@rule("transpose")
def transpose(eqn: Any, x: Sight) -> Sight:
    """Axes change place."""
    return move(x, {old: new for new, old in enumerate(eqn.params["permutation"])})


@rule("squeeze")
def squeeze(eqn: Any, x: Sight) -> Sight:
    """Axes of one cell are gone."""
    return _without(eqn, x, eqn.params["dimensions"])


@rule("stack")
def stack(eqn: Any, *values: Value) -> Sight:
    """Arrays beside each other, as channels are."""
    axes, at = range(len(eqn.outvars[0].aval.shape)), eqn.params["axis"]
    left = [axis for axis in axes if axis != at]
    return join([move(s, dict(enumerate(left))) for s in sights(values)])


@rule("unstack")
def unstack(eqn: Any, x: Sight) -> list[Sight]:
    """Each cell of an axis alone."""
    at = eqn.params["axis"]
    cells = [through(x, {at: Window(1, n)}) for n in range(len(eqn.outvars))]
    return [_without(eqn, cell, [at]) for cell in cells]


@rule("tile")
def tile(eqn: Any, x: Sight) -> Sight:
    """The cells of an axis again and again; of an axis of one cell, as a broadcast."""
    size, windows = eqn.invars[0].aval.shape, {}
    for at, (n, times) in enumerate(zip(size, eqn.params["reps"], strict=True)):
        if n == 1:
            windows[at] = Window(times, stride=0)
        elif times != 1:
            again = np.arange(n * times)[:, None] % n
            windows[at] = Reads(again, np.ones(again.shape, bool))
    return through(x, windows)


@rule(
    "reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or",
    "reduce_xor", "argmax", "argmin",
)  # fmt: skip
def reduce(eqn: Any, x: Sight, *_: Value) -> Sight:
    """Whoever is left sees all of the axes that are gone."""
    return _without(eqn, x, eqn.params["axes"])


def _without(eqn: Any, x: Sight, gone: Any) -> Sight:
    left = [at for at in range(len(eqn.invars[0].aval.shape)) if at not in gone]
    return move(x, {old: new for new, old in enumerate(left)})


@rule("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")
def cumulate(eqn: Any, x: Sight) -> Sight:
    """At most all of the axis."""
    return collapse(x, [int(eqn.params["axis"])])


@rule("sort", "top_k", "approx_top_k")
def sort(eqn: Any, *values: Value) -> list[Sight]:
    """Any cell of the axis."""
    at = int(eqn.params.get("dimension", len(eqn.invars[0].aval.shape) - 1))
    return [join([collapse(s, [at]) for s in sights(values)])] * len(eqn.outvars)


@rule("reshape")
def reshape(eqn: Any, x: Sight, *_: Value) -> Sight:
    """Axes that stay whole; the outer part of one that is split; one repeated."""
    old, new = eqn.invars[0].aval.shape, eqn.outvars[0].aval.shape
    to, windows = {}, {}
    for before, after in _groups(old, new):
        tracked = [at for at in before if x.axis_at(at)]
        # Only the outermost axis of those that are merged has its cells in a row.
        if not after or tracked != before[:1]:
            continue
        at, outer = before[0], after[0]
        if new[outer] % old[at] == 0:
            spread = new[outer] // old[at]
            windows[at] = Window(new[outer], spread=spread, gaps=False)
        elif old[at] % new[outer] == 0:
            taps = old[at] // new[outer]
            windows[at] = Window(new[outer], stride=taps, taps=taps)
        else:
            continue
        to[at] = outer
    x = move(x, {at: at for at in to})
    return move(through(x, windows), to)


def _groups(old: Any, new: Any) -> list[tuple[list[int], list[int]]]:
    """The axes of both shapes, in the smallest groups of equally many cells."""
    groups, before, after = [], [], []
    left = [at for at, n in enumerate(old) if n != 1]
    right = [at for at, n in enumerate(new) if n != 1]
    while left or right:
        sizes = math.prod(old[a] for a in before), math.prod(new[a] for a in after)
        if sizes[0] <= sizes[1] and left:
            before.append(left.pop(0))
        else:
            after.append(right.pop(0))
        if math.prod(old[a] for a in before) == math.prod(new[a] for a in after):
            groups.append((before, after))
            before, after = [], []
    return groups


@rule("dot_general")
def dot(eqn: Any, left: Value, right: Value) -> Sight:
    """All of an axis that is summed over, or where known weights are not zero."""
    contract, batch = eqn.params["dimension_numbers"]
    ranks = [len(var.aval.shape) for var in eqn.invars]
    values, seen = (left, right), []
    free = [
        [at for at in range(ranks[n]) if at not in (*contract[n], *batch[n])]
        for n in (0, 1)
    ]
    for n, x in enumerate(values):
        if not isinstance(x, Sight):
            continue
        first = len(batch[0]) + (len(free[0]) if n == 1 else 0)
        to = {at: place for place, at in enumerate(batch[n])}
        to |= {at: first + place for place, at in enumerate(free[n])}
        weights = _matrix(values[1 - n], contract[1 - n], free[1 - n], batch[n])
        at = contract[n][0] if contract[n] else None
        if weights is not None and at is not None and x.axis_at(at):
            x = through(x, {at: _nonzero(weights)})
            to[at] = len(batch[0]) + (len(free[0]) if n == 0 else 0)
        seen.append(move(x, to))
    return join(seen)


def _matrix(value: Value, contract: Any, free: Any, batch: Any) -> np.ndarray | None:
    """Weights `[summed, made]` that do not depend on an argument."""
    if isinstance(value, Sight) or batch or len(contract) != 1 or len(free) != 1:
        return None
    weights = value.value()
    return None if weights is None else np.moveaxis(weights, contract[0], 0)


def _nonzero(weights: np.ndarray) -> Reads:
    used = weights != 0
    taps = max(int(used.sum(0).max(initial=0)), 1)
    # The places of the weights that are not zero come first.
    position = np.argsort(~used, axis=0, kind="stable")[:taps].T
    return Reads(position, np.take_along_axis(used.T, position, 1))
