"""Batches of like lengths: where padding to the longest wastes little."""

import numpy as np
from jaxtyping import Integer

from ..conv.arguments import whole
from .catalogue import Lengths, Rows
from .checks import as_lengths


def length_buckets(lengths: Lengths, k: int) -> Integer[np.ndarray, " edges"]:
    """The sizes to pad to, so that the fewest cells are padding.

        dp_k[e] = min_{j < e} dp_{k-1}[j] + e (n[e] - n[j]),    n[e]: sequences up to e

    Sequence `i` belongs into bucket `np.searchsorted(edges, lengths[i])`.

    Args:
        lengths: of the sequences.
        k: sizes, at most.

    Returns:
        Sizes, ascending; the last is the longest length. Fewer than `k` if there are
        fewer lengths.

    Raises:
        ValueError: for no sequences, lengths below 1, or `k` below 1.
        TypeError: for numbers that are not whole.

    Example:
        >>> length_buckets([3, 4, 4, 9, 10], 2)
        array([ 4, 10])
    """
    found, k = as_lengths(lengths), whole("k", k)
    sizes, counts = np.unique(found, return_counts=True)
    upto = np.concatenate([[0], np.cumsum(counts)])
    cost = np.full(len(sizes) + 1, np.iinfo(np.int64).max // 4)
    cost[0], came = 0, []
    for _ in range(min(k, len(sizes))):
        best, start = cost.copy(), np.full(len(sizes) + 1, -1)
        for end in range(1, len(sizes) + 1):
            through = cost[:end] + sizes[end - 1] * (upto[end] - upto[:end])
            start[end] = through.argmin()
            best[end] = through[start[end]]
        cost = best
        came.append(start)
    edges, end = [], len(sizes)
    for start in came[::-1]:
        if end:
            edges.append(int(sizes[end - 1]))
            end = int(start[end])
    return np.array(edges[::-1])


def sort_within_window(lengths: Lengths, window: int) -> Integer[np.ndarray, " n"]:
    """An order in which neighbours are of like lengths, and nothing moves far.

    Args:
        lengths: of the sequences.
        window: sequences that are sorted together, one window after another; of equal
            ones the first stays first.

    Returns:
        The order, `[n]`: take sequence `order[0]` first.

    Raises:
        ValueError: for no sequences, lengths below 1, or a window below 1.
        TypeError: for numbers that are not whole.

    Example:
        >>> sort_within_window([3, 1, 2, 9, 8], 3)
        array([1, 2, 0, 4, 3])
    """
    found = as_lengths(lengths)
    window = whole("window", window)
    return np.lexsort((found, np.arange(len(found)) // window))


def token_batches(lengths: Lengths, tokens: int) -> Rows:
    """Batches that are padded to their longest and hold at most so many cells.

    Sequences stay in their order, so sort them first: `sort_within_window`.

    Args:
        lengths: of the sequences.
        tokens: cells of a batch, padding among them.

    Returns:
        The batch of each sequence, `[n]`, from 0.

    Raises:
        ValueError: for no sequences, or a length below 1 or above `tokens`.
        TypeError: for numbers that are not whole.

    Example:
        >>> token_batches([2, 2, 3, 5, 1], 9)
        array([0, 0, 0, 1, 2])
    """
    tokens = whole("tokens", tokens)
    batches, batch, held, longest = [], 0, 0, 0
    for length in as_lengths(lengths, tokens).tolist():
        longest, held = max(longest, length), held + 1
        if held * longest > tokens:
            batch, held, longest = batch + 1, 1, length
        batches.append(batch)
    return np.array(batches)
