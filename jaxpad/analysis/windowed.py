"""What operations with a window make of what their arguments see."""

from typing import Any

import numpy as np

from .join import fold, join, lay_end_to_end
from .sight import Sight, among_zeros, collapse, everything, move, through
from .walk import Known, Value, rule, sights
from .windows import Reads, Window


@rule("conv_general_dilated")
def convolution(eqn: Any, image: Value, kernel: Value) -> Sight:
    """A window on each space axis; all channels."""
    p = eqn.params
    numbers, size = p["dimension_numbers"], eqn.outvars[0].aval.shape
    seen = []
    if isinstance(image, Sight):
        here, there = numbers.lhs_spec, numbers.out_spec
        taps = [eqn.invars[1].aval.shape[axis] for axis in numbers.rhs_spec[2:]]
        mixed = here[1:2] if p["batch_group_count"] == 1 else here[:2]
        image = collapse(image, mixed)
        windows = {
            here[n + 2]: Window(
                size[there[n + 2]],
                -p["padding"][n][0],
                p["window_strides"][n],
                taps[n],
                p["rhs_dilation"][n],
                p["lhs_dilation"][n],
            )
            for n in range(len(taps))
        }
        seen.append(move(through(image, windows), dict(zip(here, there, strict=True))))
    return join([*seen, *(everything(s) for s in sights([kernel]))])


@rule("reduce_window_sum", "reduce_window_max", "reduce_window_min", "reduce_window")
def reduce_window(eqn: Any, *values: Value) -> list[Sight]:
    """A window on every axis; what never wins is no part of it."""
    p, size = eqn.params, eqn.outvars[0].aval.shape
    windows = {
        at: Window(
            outputs,
            -p["padding"][at][0],
            p["window_strides"][at],
            p["window_dimensions"][at],
            p["window_dilation"][at],
            p["base_dilation"][at],
        )
        for at, outputs in enumerate(size)
    }
    absent = eqn.primitive.name != "reduce_window_sum"
    seen = [through(s, windows, absent=absent) for s in sights(values)]
    return [join(seen)] * len(eqn.outvars)


@rule("pad")
def pad(eqn: Any, x: Value, value: Value) -> Sight:
    """Cells around, between, or (negative) fewer."""
    size = eqn.outvars[0].aval.shape
    windows = {
        at: Window(n, -lo, spread=between + 1)
        for at, ((lo, _, between), n) in enumerate(
            zip(eqn.params["padding_config"], size, strict=True)
        )
    }
    old = eqn.invars[0].aval.shape
    seen = [among_zeros(x, old, windows)] if isinstance(x, Sight) else []
    return join([*seen, *sights([value])])


@rule("add_any")
def add(eqn: Any, *values: Value) -> Sight:
    """The sum of all that an array was used for, in a derivative or a transpose."""
    return fold(sights(values))


@rule("slice")
def cut(eqn: Any, x: Sight) -> Sight:
    """A window of one tap."""
    starts, size = eqn.params["start_indices"], eqn.outvars[0].aval.shape
    strides = eqn.params["strides"] or (1,) * len(size)
    windows = map(Window, size, starts, strides)
    return through(x, dict(enumerate(windows)))


@rule("rev")
def reverse(eqn: Any, x: Sight) -> Sight:
    """A window of one tap that moves backwards."""
    size = eqn.outvars[0].aval.shape
    axes = eqn.params["dimensions"]
    windows = {at: Window(size[at], size[at] - 1, -1) for at in axes}
    among = all(term.steps for term in x.terms) and x.terms
    return among_zeros(x, size, windows) if among else through(x, windows)


@rule("split")
def split(eqn: Any, x: Sight) -> list[Sight]:
    """Several slices."""
    sizes, at = eqn.params["sizes"], eqn.params["axis"]
    starts = np.cumsum([0, *sizes])
    windows = [Window(n, int(start)) for n, start in zip(sizes, starts, strict=False)]
    return [through(x, {at: window}) for window in windows]


@rule("concatenate")
def concatenate(eqn: Any, *values: Value) -> Sight:
    """The image and its padding, or channels."""
    at = int(eqn.params["dimension"])
    known = [value if isinstance(value, Sight) else None for value in values]
    return lay_end_to_end(known, [var.aval.shape[at] for var in eqn.invars], at)


@rule("dynamic_slice")
def dynamic_slice(eqn: Any, x: Value, *starts: Value) -> Sight:
    """A slice where the start is known or nothing is cut; else all of the axis."""
    seen = [everything(s) for s in sights(starts)]
    if isinstance(x, Sight):
        old, new = eqn.invars[0].aval.shape, eqn.outvars[0].aval.shape
        windows = {}
        for at, (n, size, start) in enumerate(zip(old, new, starts, strict=True)):
            first = start.value() if isinstance(start, Known) else None
            if n != size and first is None:
                x = collapse(x, [at])
            elif n != size:
                windows[at] = Window(size, int(np.clip(np.asarray(first), 0, n - size)))
        seen.append(through(x, windows))
    return join(seen)


@rule("gather")
def gather(eqn: Any, x: Value, indices: Value) -> Sight:
    """Rows of one axis by indices that are known, as `jnp.take` and resizing do."""
    p, shape = eqn.params, eqn.invars[0].aval.shape
    numbers, axes = p["dimension_numbers"], p["dimension_numbers"].start_index_map
    known = indices.value() if isinstance(indices, Known) else None
    rows = tuple(1 if at in axes else n for at, n in enumerate(shape))
    if (
        not isinstance(x, Sight)
        or known is None
        or known.ndim != 2
        or len(axes) != 1
        or numbers.collapsed_slice_dims != axes
        or p["slice_sizes"] != rows
    ):
        guess = join([everything(s) for s in sights([x, indices])])
        return guess._replace(unknown=guess.unknown | {"gather"})
    (at,) = axes
    position = known.astype(int)
    if "CLIP" in str(p["mode"]):
        position = np.clip(position, 0, shape[at] - 1)
    x = through(x, {at: Reads(position, np.ones(position.shape, bool))})
    places = set(range(len(shape))) - set(numbers.offset_dims)
    others = [axis for axis in range(len(shape)) if axis != at]
    to = dict(zip(others, numbers.offset_dims, strict=True))
    return move(x, {**to, at: places.pop()})
