"""Buckets waste the least that any sizes can; orders and batches keep what they say."""

import itertools

import numpy as np
from hypothesis import given, settings, strategies as st

from jaxpad.batching import length_buckets, sort_within_window, token_batches


lists = st.lists(st.integers(1, 12), min_size=1, max_size=20)
quickly = settings(max_examples=60, deadline=None, derandomize=True)


def cells(lengths: list[int], edges) -> int:
    """Cells of all sequences, each padded to the next edge."""
    edges = np.asarray(edges)
    return int(edges[np.searchsorted(edges, lengths)].sum())


@quickly
@given(lengths=lists, k=st.integers(1, 5))
def test_no_other_sizes_waste_less(lengths: list[int], k: int):
    edges = length_buckets(lengths, k)
    assert len(edges) <= k
    assert edges[-1] == max(lengths)
    assert (np.diff(edges) > 0).all()
    sizes, longest = sorted(set(lengths)), max(lengths)
    fewest = min(
        cells(lengths, [*other, longest])
        for n in range(k)
        for other in itertools.combinations(sizes[:-1], n)
    )
    assert cells(lengths, edges) == fewest


@quickly
@given(lengths=lists, window=st.integers(1, 8))
def test_windows_are_sorted_and_whole(lengths: list[int], window: int):
    order = sort_within_window(lengths, window)
    for start in range(0, len(lengths), window):
        part = order[start : start + window]
        assert sorted(part) == list(range(start, min(start + window, len(lengths))))
        taken = [(lengths[i], i) for i in part]
        assert taken == sorted(taken)


@quickly
@given(lengths=lists, tokens=st.integers(12, 40))
def test_batches_hold_what_they_may_and_no_less(lengths: list[int], tokens: int):
    batches = token_batches(lengths, tokens)
    assert batches[0] == 0
    assert set(np.diff(batches)) <= {0, 1}
    found = [list(g) for _, g in itertools.groupby(range(len(lengths)), batches.item)]
    for batch, after in itertools.pairwise([*found, []]):
        longest = max(lengths[i] for i in batch)
        assert len(batch) * longest <= tokens
        if after:  # the next one would not have fitted
            assert (len(batch) + 1) * max(longest, lengths[after[0]]) > tokens
