"""Proof, for any model of a batch, that sequences see neither neighbours nor padding."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..typing import Array
from .ragged import Ragged, visible
from .views import flat, padded


# From a batch to one with other values, to arrays `[rows, capacity, ...]`, or to arrays
# `[sequences, ...]` as of a pool; or a pytree of those.
Model = Callable[[Ragged], Any]


def assert_isolated(model: Model, batch: Ragged, *, seed: int = 0) -> None:
    """Raises if an output of one sequence depends on another, or on empty cells.

    For each sequence and for the empty cells in turn it does two things. It pushes a
    random direction in their values through the model's Jacobian, which must come out as
    exactly 0 in the outputs of all other sequences; and it puts other values there, which
    must not change one bit of those. The second finds what has no derivative, such as
    tokens. Outputs in empty cells are nobody's.

    The cost is two runs of the model for each sequence: give it a small batch, with
    neighbours in a row and an empty cell, and the model as in evaluation, without
    dropout.

    Args:
        model: from a `Ragged` to a `Ragged`, to an array `[rows, capacity, ...]` or
            `[sequences, ...]`, or to a pytree of those.
        batch: that it is tried on; its numbers must be known, so not under `jax.jit`.
        seed: of the directions.

    Raises:
        AssertionError: if there is a leak; it names the two sequences and the cell.
        ValueError: if the model returns something else.

    Example:
        >>> from jaxpad.batching import pack_sequences, segment_norm
        >>> batch = pack_sequences([[[1.0], [3.0]], [[5.0], [8.0]]], capacity=5)
        >>> assert_isolated(segment_norm, batch)
        >>> assert_isolated(lambda batch: batch.values.cumsum(1), batch)
        Traceback (most recent call last):
        AssertionError: a leak: an output of sequence 1 has the derivative ...
    """
    _check_visible(batch)
    per_cell = _per_cell(model, batch)
    outputs = _outputs(model(batch), batch, per_cell)
    draw = np.random.default_rng(seed)
    directions, others = _directions(batch, draw), _others(batch, draw)

    def run(values: Any) -> list[Array]:
        made = model(batch.replace(values))
        return [o.x for o in _outputs(made, batch, per_cell)]

    @jax.jit
    def derivatives(where: Array) -> list[Array]:
        push = functools.partial(_masked, where)
        return _jvp(run, batch.values, jax.tree.map(push, directions))

    @jax.jit
    def changed(where: Array) -> list[Array]:
        # Made by one program: two may round differently.
        return run(jax.tree.map(functools.partial(_swapped, where), batch.values, others))

    nobody = jnp.zeros(batch.numbers.shape, bool)
    before = changed(nobody)
    for who in np.unique(np.asarray(batch.numbers)).tolist():
        where = batch.numbers == who
        for out, found in zip(outputs, derivatives(where), strict=True):
            _refuse(out, found != 0, who, batch, f"{_LEAK} the derivative {{}}", found)
        for out, old, new in zip(outputs, before, changed(where), strict=True):
            same = (old == new) | ((old != old) & (new != new))
            _refuse(out, ~same, who, batch, f"{_LEAK} changed to {{}}", new)


def assert_padding_invariant(
    model: Model, batch: Ragged, *, atol: float = 1e-5
) -> None:
    """Raises if an output depends on the layout, or on how much padding there is.

    It runs the model on the same sequences in the batch's own rows, padded to the longest
    and to half as much again, and in one flat row with and without empty cells, and
    compares what each sequence gets.

    Args:
        model: as in `assert_isolated`.
        batch: that it is tried on, whose numbers must be known.
        atol: how far outputs may be apart, which are rounded otherwise in other
            shapes; times their largest, if that is above 1.

    Raises:
        AssertionError: if an output differs; it names the sequence and the layout.
        ValueError: if the model returns something else.

    Example:
        >>> from jaxpad.batching import pack_sequences, segment_norm
        >>> batch = pack_sequences([[[1.0], [3.0]], [[5.0], [8.0]]], capacity=5)
        >>> assert_padding_invariant(segment_norm, batch)
        >>> assert_padding_invariant(lambda b: b.values + b.capacity, batch)
        Traceback (most recent call last):
        AssertionError: the output of sequence 0 differs by 1.0 between ...
    """
    _check_visible(batch)
    longest, cells = int(batch.lengths.max()), int(batch.lengths.sum())
    views = {
        f"rows padded to {longest}": padded(batch),
        f"rows padded to {longest + longest // 2 + 1}": padded(
            batch, longest + longest // 2 + 1
        ),
        "the batch's own rows": batch,
        f"one row of {cells}": flat(batch),
        f"one row of {cells + longest}": flat(batch, cells + longest),
    }
    per_cell = _per_cell(model, batch)
    results = {
        name: [_by_sequence(o) for o in _outputs(model(view), view, per_cell)]
        for name, view in views.items()
    }
    (first, expected), *rest = results.items()
    for name, found in rest:
        for a, b in zip(expected, found, strict=True):
            _refuse_different(a, b, atol, first, name)


class _Output(NamedTuple):
    """An array that a model made, in the layout of a batch: by cell or by sequence."""

    x: Array
    layout: Ragged
    per_cell: bool

    def owners(self) -> Array:
        """Whose its entries are, along its first two axes, or its first."""
        if self.per_cell:
            return self.layout.numbers
        there = jnp.arange(self.layout.sequences, dtype=jnp.int32)
        return jnp.where(self.layout.lengths > 0, there, self.layout.sequences)


_LEAK = "a leak: an output of sequence {to} has"


def _per_cell(model: Model, batch: Ragged) -> list[bool]:
    """Of each output whether it is by cell or by sequence.

    In one long row there is no doubt, as where features are as many as cells.
    """
    view = flat(batch, int(batch.lengths.sum() + batch.lengths.max()) + 1)
    found = []
    for leaf, layout in _leaves(jax.eval_shape(lambda batch: model(batch), view)):
        found.append(layout is not None or leaf.shape[:2] == view.numbers.shape)
        if not found[-1] and leaf.shape[:1] != (batch.sequences,):
            raise ValueError(
                f"of a batch of {view.rows} rows of {view.capacity} cells with "
                f"{batch.sequences} sequences the model made an array of shape "
                f"{leaf.shape}: expected a Ragged, [rows, capacity, ...] or "
                "[sequences, ...]."
            )
    if not found:
        raise ValueError("the model returned nothing: expected arrays or a Ragged.")
    return found


def _leaves(made: Any) -> list[tuple[Any, Ragged | None]]:
    """Arrays, those of a batch with its layout."""
    found = []
    for part in jax.tree.leaves(made, is_leaf=lambda m: isinstance(m, Ragged)):
        layout = part if isinstance(part, Ragged) else None
        values = part.values if isinstance(part, Ragged) else part
        found += [(x, layout) for x in jax.tree.leaves(values)]
    return found


def _outputs(made: Any, batch: Ragged, per_cell: list[bool]) -> list[_Output]:
    return [
        _Output(jnp.asarray(x), layout or batch, cells)
        for (x, layout), cells in zip(_leaves(made), per_cell, strict=True)
    ]


def _check_visible(batch: Ragged) -> None:
    if not visible(batch.numbers):
        raise ValueError("the probes look at numbers: call them outside of jax.jit.")


def _directions(batch: Ragged, draw: np.random.Generator) -> Any:
    """A random direction for each value."""

    def one(x: Array) -> Array:
        return jnp.asarray(draw.normal(size=x.shape)).astype(x.dtype)

    return jax.tree.map(one, batch.values)


def _others(batch: Ragged, draw: np.random.Generator) -> Any:
    """For each cell the value of another real one."""
    real = np.flatnonzero(np.asarray(batch.real))
    source = jnp.asarray(draw.choice(real, batch.numbers.shape))

    def one(x: Array) -> Array:
        return x.reshape(-1, *x.shape[2:])[source]

    return jax.tree.map(one, batch.values)


def _swapped(where: Array, x: Array, other: Array) -> Array:
    return jnp.where(where.reshape(*where.shape, *(1,) * (x.ndim - 2)), other, x)


def _masked(where: Array, x: Array) -> Array:
    return _swapped(~where, x, jnp.zeros_like(x))


def _jvp(run: Callable[[Any], list[Array]], values: Any, push: Any) -> list[Array]:
    """The derivative of each output; zeros where whole numbers have none."""
    leaves, tree = jax.tree.flatten(values)
    pushes = jax.tree.leaves(push)
    moving = [i for i, x in enumerate(leaves) if _has_derivative(x)]

    def of_moving(*moved: Array) -> list[Array]:
        full = dict(enumerate(leaves)) | dict(zip(moving, moved, strict=True))
        outputs = run(jax.tree.unflatten(tree, full.values()))
        return [x if _has_derivative(x) else jnp.zeros(x.shape) for x in outputs]

    primals, tangents = ([side[i] for i in moving] for side in (leaves, pushes))
    return jax.jvp(of_moving, primals, tangents)[1]


def _has_derivative(x: Array) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))


def _refuse(
    out: _Output, wrong: Array, who: int, batch: Ragged, words: str, shown: Array
) -> None:
    """Raises if something is wrong in an output of another sequence than `who`."""
    owners = np.asarray(out.owners())
    others = (owners != who) & (owners < batch.sequences)
    others = others.reshape(*others.shape, *(1,) * (wrong.ndim - others.ndim))
    leaks = np.argwhere(np.asarray(wrong) & others)
    if not len(leaks):
        return
    at = tuple(leaks[0].tolist())
    of = "of empty cells" if who == batch.sequences else f"of sequence {who}"
    text = words.format(np.asarray(shown)[at], to=owners[at[: owners.ndim]])
    raise AssertionError(
        f"{text} at {list(at)}, when only values {of} move. Find the layer by "
        "probing each alone, and give it segment_ids or its segment_ function."
    )


def _by_sequence(out: _Output) -> np.ndarray:
    """What each sequence gets, `[sequences, longest, ...]` or `[sequences, ...]`."""
    x, lengths = out.x, np.asarray(out.layout.lengths)
    if out.per_cell:
        x = padded(out.layout.replace(x)).values
    return np.asarray(x)[lengths > 0]


def _refuse_different(
    a: np.ndarray, b: np.ndarray, atol: float, first: str, second: str
) -> None:
    a, b = a.astype(np.float64), b.astype(np.float64)
    apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(a - b))
    limit = atol * max(1.0, float(np.abs(a[np.isfinite(a)]).max(initial=0)))
    wrong = ~(apart <= limit)
    if wrong.any():
        who = int(np.argwhere(wrong)[0][0])
        raise AssertionError(
            f"the output of sequence {who} differs by {np.nanmax(apart[who])} between "
            f"{first} and {second}: a layer counts empty cells or neighbours. Give it "
            "segment_ids or its segment_ function."
        )
