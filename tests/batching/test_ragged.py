"""Layouts of a ragged batch: each holds every sequence, and goes into every other."""

import heapq
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from jaxpad.attention import attention
from jaxpad.batching import (
    Ragged,
    aligned,
    flat,
    lanes,
    layout,
    pack,
    pack_sequences,
    packed,
    padded,
    ragged,
)


MANY, LONGEST = 6, 8


def assert_holds(batch: Ragged, sequences: list[Any], lost: int = 0):
    """Each cell says whose it is, and each sequence stands in one piece."""
    ids, positions, starts, ends, numbers, values = (
        np.asarray(a)
        for a in (
            *(batch.segment_ids, batch.positions, batch.starts, batch.ends),
            *(batch.numbers, batch.values),
        )
    )
    found = {}
    for row in range(batch.rows):
        cell = count = 0
        while cell < batch.capacity:
            if not ids[row, cell]:
                said = [a[row, cell] for a in (positions, starts, ends)]
                assert said == [0, 0, 0]
                assert numbers[row, cell] == batch.sequences
                cell += 1
                continue
            count += 1
            where = slice(starts[row, cell], ends[row, cell])
            assert where.start == cell
            assert (ids[row, where] == count).all()
            assert (starts[row, where] == where.start).all()
            assert (ends[row, where] == where.stop).all()
            np.testing.assert_array_equal(
                positions[row, where], np.arange(where.stop - where.start)
            )
            (number,) = set(numbers[row, where].tolist())
            assert number not in found
            found[number] = values[row, where].tolist()
            cell = where.stop
    assert found == {i: list(s) for i, s in enumerate(sequences) if len(s)}
    assert int(batch.lost.sum()) == lost


def stream(lengths: Any) -> list[list[int]]:
    cells = iter(range(1, 1000))
    return [[next(cells) for _ in range(n)] for n in lengths]


@jax.jit
def views(values: jax.Array, lengths: jax.Array, rows: jax.Array) -> dict[str, Ragged]:
    cell = jnp.arange(LONGEST, dtype=jnp.int32)[None]
    ids = (cell < lengths[:, None]).astype(jnp.int32)
    first = ragged(values, ids, sequences=MANY)
    found = {
        "ragged": first,
        "flat": flat(first, MANY * LONGEST),
        "lanes": lanes(first, 3, MANY * LONGEST),
        "packed": packed(first, rows, MANY * LONGEST, count=MANY),
    }
    return {
        f"{name}, {then}": view
        for name, batch in found.items()
        for then, view in {
            "as it is": batch,
            "padded": padded(batch, LONGEST),
            "flat": flat(batch, MANY * LONGEST),
        }.items()
    }


@given(
    st.lists(st.integers(1, LONGEST), min_size=1, max_size=MANY),
    st.lists(st.integers(0, MANY - 1), min_size=MANY, max_size=MANY),
)
@settings(deadline=None, max_examples=60)
def test_every_layout_holds_every_sequence(lengths: list[int], rows: list[int]):
    sequences = stream(lengths)
    values = np.full((MANY, LONGEST), -1, np.int32)
    for i, sequence in enumerate(sequences):
        values[i, : len(sequence)] = sequence
    lengths = lengths + [0] * (MANY - len(lengths))
    found = views(values, np.array(lengths, np.int32), np.array(rows, np.int32))
    for view in found.values():
        assert_holds(view, sequences)
    # Back again it is the same, but for what was in empty cells.
    first, again = found["ragged, as it is"], found["packed, padded"]
    first = first.replace(np.where(first.real, first.values, 0))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)


def test_packed_rows_come_back():
    lengths = [3, 7, 2, 5, 1, 8]
    batch = pack_sequences(stream(lengths), 8, "best_fit")
    assert_holds(batch, stream(lengths))
    rows = pack(lengths, 8, "best_fit")
    np.testing.assert_array_equal(
        batch.segment_ids, layout(rows, lengths, 8).segment_ids
    )
    for view in (padded(batch), flat(batch), lanes(batch, 2)):
        assert_holds(view, stream(lengths))
        again = packed(view, rows, 8)
        for a, b in zip(jax.tree.leaves(batch), jax.tree.leaves(again), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_a_batch_goes_where_another_stands():
    lengths = [3, 7, 2, 5, 1, 8]
    batch = pack_sequences(stream(lengths), 8, "best_fit")
    there = [padded(batch), flat(batch, 40), lanes(batch, 2), batch]
    for view in there:
        for found in (aligned(view, batch), jax.jit(aligned)(view, batch)):
            for a, b in zip(
                jax.tree.leaves(batch), jax.tree.leaves(found), strict=True
            ):
                np.testing.assert_array_equal(a, b)


def test_what_stands_nowhere_in_the_other_is_counted():
    batch = pack_sequences(stream([3, 7, 2, 5]), 8)
    small = jax.jit(lambda batch: flat(batch, 12))(batch)  # without the last
    found = jax.jit(aligned)(batch, small)
    assert_holds(found, [*stream([3, 7, 2]), []], lost=5)
    assert_holds(jax.jit(aligned)(small, batch), [*stream([3, 7, 2]), []], lost=5)
    longer = pack_sequences(stream([3, 8, 2, 5]), 8)  # would run into a neighbour
    assert jax.jit(aligned)(longer, batch).lost.sum() == 8


def test_a_tree_of_values_moves_together():
    ids = np.array([[1, 1, 2, 0], [1, 1, 1, 1]])
    values = {"token": np.arange(8).reshape(2, 4), "x": np.ones((2, 4, 3), np.float32)}
    row = flat(ragged(values, ids))
    assert row.values["token"].tolist() == [[0, 1, 2, 4, 5, 6, 7]]
    assert row.values["x"].shape == (1, 7, 3)


def test_lanes_are_filled_by_the_longest_first():
    lengths = np.random.default_rng(0).integers(1, 9, 40)
    loads = [(0, lane) for lane in range(5)]
    for n in sorted(lengths.tolist(), reverse=True):
        load, lane = heapq.heappop(loads)
        heapq.heappush(loads, (load + n, lane))
    batch = pack_sequences(stream(lengths), 8)
    found = lanes(batch, 5)
    assert found.real.sum(1).tolist() == [
        load for load, _ in sorted(loads, key=lambda x: x[1])
    ]
    assert found.capacity == max(loads)[0]


def test_pieces_with_one_id_are_sequences_for_attention_too():
    """Under jit, where they cannot be refused, and only through the batch."""
    ids = jnp.array([[1, 2, 1, 0]])
    x = jnp.array([[1.0, 2.0, 4.0, 8.0]])

    @jax.jit
    def both(ids: Any) -> Any:
        batch = ragged(x, ids, sequences=4)
        same, one = jnp.zeros((1, 4, 1, 1)), x[..., None, None]
        seen = [
            attention(same, same, one, segment_ids=it)[0, :, 0, 0]
            for it in (batch.segment_ids, ids)
        ]
        return batch.numbers, batch.lengths, *seen

    numbers, lengths, seen, as_given = both(ids)
    assert numbers.tolist() == [[0, 1, 2, 4]]
    assert lengths.tolist() == [1, 1, 1, 0]
    assert seen.tolist() == [1, 2, 4, 0]
    assert as_given.tolist() == [2.5, 2, 2.5, 0]


def test_what_does_not_fit_under_jit_is_counted():
    batch = pack_sequences(stream([3, 7, 2, 5]), 8)
    small = jax.jit(lambda batch: flat(batch, 12))(batch)
    # The last would go beyond, as a whole; what is left is not cut.
    assert_holds(small, [*stream([3, 7, 2]), []], lost=5)
    assert jax.jit(lambda batch: padded(batch, 5))(batch).lost.tolist() == [0, 7, 0, 0]
    # And what is lost once stays counted.
    assert int(padded(small).lost.sum()) == 5
    ids = np.array([[1, 2, 2, 3], [1, 0, 0, 0]])
    some = jax.jit(lambda ids: ragged(ids, ids, sequences=2))(ids)
    assert some.lost.tolist() == [1, 1]
    assert some.lengths.tolist() == [1, 2]


IDS = np.array([[1, 1, 2, 0]])
FEW = pack_sequences([[1, 2, 3], [4, 5]], 4)
REFUSED = [
    (lambda: ragged(IDS, [[1, 2, 1, 0]]), "id 1 in two places, with other cells"),
    (lambda: ragged(IDS, [[-1, 1, 1, 1]]), "ids count from 1, and 0 is empty"),
    (lambda: ragged(IDS, IDS[0]), "A flat batch is one row: segment_ids[None]"),
    (lambda: ragged(IDS[:, :3], IDS), "values has shape (1, 3) and segment_ids (1, 4)"),
    (lambda: ragged(IDS, IDS, sequences=1), "write sequences=2, or leave it away"),
    (
        lambda: ragged(IDS, IDS, sequences=0),
        "sequences=0: expected an int of at least 1",
    ),
    (lambda: jax.jit(ragged)(IDS, IDS), "say how many there may be, as ragged("),
    (lambda: padded(FEW, 2), "1 sequences do not fit into 2 rows of 2 cells: number 0"),
    (lambda: flat(FEW, 4), "number 1, of 2 cells, was to stand in row 0"),
    (lambda: lanes(FEW, 1, 4), "do not fit into 1 rows of 4 cells"),
    (lambda: lanes(FEW, 0), "count=0: expected an int of at least 1"),
    (lambda: packed(FEW, np.array([0, 3]), 4, count=2), "was to stand in row 3"),
    (lambda: packed(FEW, np.array([0, -1]), 4), "was to stand in row -1"),
    (lambda: aligned(FEW, pack_sequences([[1]], 4)), "has 2 sequences and other 1"),
    (
        lambda: aligned(FEW, pack_sequences([[1, 2], [3]], 3)),
        "sequence 0 has 3 cells in",
    ),
    (lambda: packed(FEW, np.array([0]), 4), "the row of each of the 2 sequences"),
    (lambda: jax.jit(padded)(FEW), "give longest, which becomes a shape"),
    (lambda: padded(FEW, 2**31), "are more than int32 can count"),
    (lambda: pack_sequences([[1.0], [1]], 4), "sequences[1] is int64 of shape (1,)"),
    (lambda: pack_sequences([[1], 1], 4), "sequences[1] is 1: expected [length, ...]"),
    (lambda: pack_sequences([[1], []], 4), "1 of 2 lengths are 0"),
    (lambda: pack_sequences([], 4), "lengths is empty"),
]


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_refused(call: Any, text: str):
    with pytest.raises(ValueError, match=re.escape(text)):
        call()


def test_ids_are_whole():
    with pytest.raises(TypeError, match="segment_ids has dtype float32"):
        ragged(IDS, jnp.ones((1, 4)))
