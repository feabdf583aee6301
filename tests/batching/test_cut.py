"""Sequences that are too long: what is kept, and that the rest is counted."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from jaxpad.batching import POLICIES, cut, layout, pack


@pytest.mark.parametrize("policy", list(POLICIES))
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=30),
    capacity=st.integers(1, 12),
)
def test_cells_are_kept_or_counted(policy: str, lengths, capacity):
    lengths = [*lengths, 1]  # something is left
    pieces = cut(lengths, capacity, policy)
    assert 1 <= pieces.length.min() <= pieces.length.max() <= capacity
    counts = pieces.counts
    assert sum(lengths) == pieces.length.sum() + counts["cells lost"]
    assert counts["empty"] == lengths.count(0)
    long = sum(length > capacity for length in lengths)
    become = {"split": "split", "truncate": "truncated", "drop": "dropped"}
    for name, word in become.items():
        assert counts[word] == (long if name == policy else 0)
    assert (counts["cells lost"] == 0) == (policy == "split" or not long)


@pytest.mark.parametrize("policy", list(POLICIES))
def test_cells_are_those_of_their_sequence(policy: str):
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 20, 50)
    stream = [(s, i) for s, length in enumerate(lengths) for i in range(length)]
    pieces = cut(lengths, 8, policy)
    expected = [
        (s, start + i)
        for s, start, length in zip(
            pieces.sequence, pieces.start, pieces.length, strict=True
        )
        for i in range(length)
    ]
    assert [stream[i] for i in pieces.stream] == expected
    # Packed, each cell that was kept is there once.
    index = layout(pack(pieces.length, 8), pieces.length, 8).index
    packed = sorted(stream[i] for i in pieces.stream[index[index >= 0]])
    assert packed == sorted(set(expected))
    if policy == "split":
        assert packed == stream


def test_counts_are_told():
    told = str(cut([3, 9, 0, 10], 4, "drop"))
    assert (
        told
        == "pieces: 1, sequences: 4, empty: 1, too long: 2, dropped: 2, cells lost: 19"
    )


def test_what_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="policy 'drop' leaves nothing of 2 sequences"):
        cut([5, 6], 4, "drop")
    with pytest.raises(ValueError, match=r"lengths\[1\] is -1: a length is at least 0"):
        cut([5, -1], 4, "split")
    with pytest.raises(ValueError, match="unknown policy for sequences that are too"):
        cut([5], 4, "shorten")
