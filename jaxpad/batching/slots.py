"""Patterns of slots, in which shorter sequences may stand, filled with a histogram."""

from collections import Counter, defaultdict

import numpy as np

from .patterns import Patterns, histogram_of


# So many slots, one after another, with a sequence of that length in each; 0 is none.
Fillings = list[tuple[int, int]]


def fill_slots(
    slots: Patterns, histogram: np.ndarray
) -> tuple[dict[tuple[int, ...], int], np.ndarray]:
    """Puts the sequences of a histogram into slots that are at least as long.

    A slot takes its own length while there are such; what is left of the slots takes
    shorter ones, those of the next length first.

    Args:
        slots: patterns whose parts are slots.
        histogram: of the sequences, `[capacity + 1]`.

    Returns:
        Patterns of sequences, without rows that stay empty, and the histogram of those
        that found no slot.

    Example:
        >>> fill_slots({(4, 3): 2}, np.array([0, 0, 1, 1, 3]))
        ({(4, 3): 1, (4, 2): 1}, array([0, 0, 0, 0, 1]))
    """
    fillings, left = _assign(slots, histogram)
    patterns: Counter[tuple[int, ...]] = Counter()
    for pattern, rows in slots.items():
        for held, count in _zipped([_take(fillings[s], rows) for s in pattern]):
            if held:
                patterns[held] += count
    return dict(patterns), left


def _assign(
    slots: Patterns, histogram: np.ndarray
) -> tuple[dict[int, Fillings], np.ndarray]:
    """For each length of slots what stands in them, last first, and who is left."""
    supply = histogram_of(slots, len(histogram) - 1).tolist()
    fillings, left = defaultdict(list), histogram.copy()
    spare: list[list[int]] = []  # longer slots that are free: their length, how many
    for length in range(len(supply) - 1, 0, -1):
        own, wanted = supply[length], int(histogram[length])
        if own:
            fillings[length].append((length, min(own, wanted)))
        missing = max(0, wanted - own)
        while missing and spare:
            taken = min(missing, spare[-1][1])
            fillings[spare[-1][0]].append((length, taken))
            missing, spare[-1][1] = missing - taken, spare[-1][1] - taken
            if not spare[-1][1]:
                spare.pop()
        if own > wanted:
            spare.append([length, own - wanted])
        left[length] = missing
    for length, free in spare:
        fillings[length].append((0, free))
    return {length: list[::-1] for length, list in fillings.items()}, left


def _take(fillings: Fillings, count: int) -> Fillings:
    """The next slots, so many of them, which are then no longer there."""
    taken = []
    while count:
        length, there = fillings.pop()
        part = min(count, there)
        if there > part:
            fillings.append((length, there - part))
        if part:
            taken.append((length, part))
        count -= part
    return taken


def _zipped(columns: list[Fillings]) -> list[tuple[tuple[int, ...], int]]:
    """Slots side by side: what stands in a row, and in how many rows one after another.

    Example:
        >>> _zipped([[(4, 3)], [(3, 1), (0, 2)]])
        [((4, 3), 1), ((4,), 2)]
    """
    ends = [np.cumsum([count for _, count in column]) for column in columns]
    cuts = np.unique(np.concatenate(ends))
    rows = []
    for end, count in zip(cuts, np.diff(cuts, prepend=0), strict=True):
        at = [int(np.searchsorted(e, end)) for e in ends]
        lengths = (column[i][0] for column, i in zip(columns, at, strict=True))
        rows.append((tuple(length for length in lengths if length), int(count)))
    return rows
