"""Proof that the sequences of a batch do not see each other, for any model."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..typing import Array
from .batch import Ragged
from .outputs import Model, Output, check_probed, outputs_of, per_cell_of


LEAK = "a leak: an output of sequence {to} has"


def assert_isolated(model: Model, batch: Ragged, *, seed: int = 0) -> None:
    """Raises if an output of one sequence depends on another, or on empty cells.

    For each sequence and for the empty cells in turn it does two things. It pushes a
    random direction in their values through the model's Jacobian, which must come out
    as exactly 0 in the outputs of all other sequences; and it puts other values there,
    which must not change one bit of those. The second finds what has no derivative,
    such as tokens. Outputs in empty cells are nobody's. Everything stays in its place:
    what a neighbour's length does, or the place in the row, is found by
    `assert_padding_invariant`, so use both.

    The cost is two runs of the model for each sequence: give it a small batch, with
    neighbours in a row and an empty cell, and the model as in evaluation, after
    `model.eval()`.

    Args:
        model: from a `Ragged` to a `Ragged`, to an array `[rows, capacity, ...]` or
            `[sequences, ...]`, or to a pytree of those.
        batch: that it is tried on; its numbers must be known, so not under `jax.jit`.
        seed: of the directions.

    Raises:
        AssertionError: if there is a leak; it names the two sequences and the cell.
        ValueError: if the model returns something else or changes state of its own, or
            if nothing can leak in the batch: no row has two sequences or an empty cell,
            or all cells have the same values, so that there are no others to put there.
        TypeError: if `batch` is no `Ragged`.

    Example:
        >>> from jaxpad.batching import pack_sequences, segment_norm
        >>> batch = pack_sequences([[[1.0], [3.0]], [[5.0], [8.0]]], capacity=5)
        >>> assert_isolated(segment_norm, batch)
        >>> assert_isolated(lambda batch: batch.values.cumsum(1), batch)
        Traceback (most recent call last):
        AssertionError: a leak: an output of sequence 1 has the derivative ...
    """
    check_probed("assert_isolated", batch)
    _refuse_alone(batch)
    draw = np.random.default_rng(seed)
    directions, others = _directions(batch, draw), _others(batch, draw)
    per_cell = per_cell_of(model, batch)
    made = jax.jit(lambda batch: model(batch))(batch)
    outputs = outputs_of(made, batch, per_cell)

    def run(values: Any) -> list[Array]:
        made = model(batch.replace(values))
        return [o.x for o in outputs_of(made, batch, per_cell)]

    @jax.jit
    def derivatives(where: Array) -> list[Array]:
        push = functools.partial(_masked, where)
        return _jvp(run, batch.values, jax.tree.map(push, directions))

    @jax.jit
    def changed(where: Array) -> list[Array]:
        # Made by one program: two may round differently.
        swap = functools.partial(_swapped, where)
        return run(jax.tree.map(swap, batch.values, others))

    nobody = jnp.zeros(batch.numbers.shape, bool)
    before = changed(nobody)
    for who in np.unique(np.asarray(batch.numbers)).tolist():
        where = batch.numbers == who
        for out, found in zip(outputs, derivatives(where), strict=True):
            _refuse(out, found != 0, who, batch, f"{LEAK} the derivative {{}}", found)
        for out, old, new in zip(outputs, before, changed(where), strict=True):
            same = (old == new) | ((old != old) & (new != new))
            _refuse(out, ~same, who, batch, f"{LEAK} changed to {{}}", new)


def _directions(batch: Ragged, draw: np.random.Generator) -> Any:
    """A random direction for each value."""

    def one(x: Array) -> Array:
        return jnp.asarray(draw.normal(size=x.shape)).astype(x.dtype)

    return jax.tree.map(one, batch.values)


def _refuse_alone(batch: Ragged) -> None:
    numbers, real = np.asarray(batch.numbers), np.asarray(batch.real)
    if real.all() and (numbers == numbers[:, :1]).all():
        raise ValueError(
            "nothing can leak in this batch, so it proves nothing: each row is one "
            "sequence without an empty cell. Give a row with two sequences, as "
            "pack_sequences([[1, 2, 3], [4, 5]], 6)."
        )


def _others(batch: Ragged, draw: np.random.Generator) -> Any:
    """For each cell the values of a real one that has others."""
    count = batch.numbers.size
    cells = [np.asarray(x).reshape(count, -1) for x in jax.tree.leaves(batch.values)]
    parts = [np.ascontiguousarray(x).view(np.uint8) for x in cells]
    # Cells of one kind have equal values, bit for bit.
    _, kind = np.unique(np.concatenate(parts, 1), axis=0, return_inverse=True)
    real = np.flatnonzero(np.asarray(batch.real))
    kinds, first = np.unique(kind.ravel()[real], return_index=True)
    if len(kinds) == 1:
        raise ValueError(
            f"all {len(real)} cells of the sequences have the same values, so there "
            "are no others to put there, and nothing could be changed. Give "
            "sequences with values that differ, as pack_sequences([[1, 2, 3], [4, 5]], "
            "6)."
        )
    step = draw.integers(1, len(kinds), count)  # never round to its own
    other = (np.searchsorted(kinds, kind.ravel()) + step) % len(kinds)
    source = jnp.asarray(real[first[other]].reshape(batch.numbers.shape))

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
    out: Output, wrong: Array, who: int, batch: Ragged, words: str, shown: Array
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
