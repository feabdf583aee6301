"""A test that neither layout nor padding changes what a model makes of a sequence."""

import jax
import numpy as np

from .batch import Ragged
from .outputs import Model, Output, check_probed, outputs_of, per_cell_of
from .views import flat, padded


def assert_padding_invariant(
    model: Model, batch: Ragged, *, atol: float = 1e-5
) -> None:
    """Raises if an output depends on the layout, or on how much padding there is.

    It runs the model on the same sequences in the batch's own rows, padded to the
    longest and to half as much again, and in one flat row with and without empty cells,
    and compares what each sequence gets. What a neighbour's values do where all stays
    in its place is for `assert_isolated`: use both.

    Args:
        model: as in `assert_isolated`.
        batch: that it is tried on, whose numbers must be known.
        atol: how far outputs may be apart, which are rounded otherwise in other
            shapes; times their largest, if that is above 1.

    Raises:
        AssertionError: if an output differs; it names the sequence and the layout.
        ValueError: as `assert_isolated`, but for a batch on which nothing shows.
        TypeError: if `batch` is no `Ragged`.

    Example:
        >>> from jaxpad.batching import pack_sequences, segment_norm
        >>> batch = pack_sequences([[[1.0], [3.0]], [[5.0], [8.0]]], capacity=5)
        >>> assert_padding_invariant(segment_norm, batch)
        >>> assert_padding_invariant(lambda b: b.values + b.capacity, batch)
        Traceback (most recent call last):
        AssertionError: the output of sequence 0 differs by 2.0 between ...
    """
    check_probed("assert_padding_invariant", batch)
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
    per_cell, run = per_cell_of(model, batch), jax.jit(lambda batch: model(batch))
    results = {
        name: [_by_sequence(o) for o in outputs_of(run(view), view, per_cell)]
        for name, view in views.items()
    }
    (first, expected), *rest = results.items()
    for name, found in rest:
        for a, b in zip(expected, found, strict=True):
            _refuse_different(a, b, atol, first, name)


def _by_sequence(out: Output) -> np.ndarray:
    """What each sequence gets, `[sequences, longest, ...]` or `[sequences, ...]`."""
    x, lengths = np.asarray(out.x), np.asarray(out.layout.lengths)
    if out.per_cell:
        cells, real = x, np.asarray(out.layout.real)
        x = np.zeros((len(lengths), lengths.max(), *cells.shape[2:]), cells.dtype)
        numbers, positions = out.layout.numbers, out.layout.positions
        x[np.asarray(numbers)[real], np.asarray(positions)[real]] = cells[real]
    return x[lengths > 0]


def _refuse_different(
    a: np.ndarray, b: np.ndarray, atol: float, first: str, second: str
) -> None:
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):  # of infinities
        apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(a - b))
    limit = atol * max(1.0, float(np.abs(a[np.isfinite(a)]).max(initial=0)))
    wrong = ~(apart <= limit)
    if wrong.any():
        who = int(np.argwhere(wrong)[0][0])
        raise AssertionError(
            f"the output of sequence {who} differs by {np.max(apart[who])} between "
            f"{first} and {second}: a layer counts empty cells or neighbours. Give it "
            "segment_ids or its segment_ function."
        )
