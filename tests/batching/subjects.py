"""What the laws of packing run over: every packer, with options, and a user's own."""

from collections import Counter

import numpy as np
from hypothesis import strategies as st

from jaxpad.batching import PACKERS, by_histogram
from jaxpad.batching.packers import next_fit


def backwards(lengths, capacity, *, max_per_row=None):
    """A user's packer of sequences in an order: next fit from the last one on."""
    rows = next_fit(lengths[::-1], capacity, max_per_row=max_per_row)[::-1]
    return rows.max() - rows


@by_histogram
def twins(histogram, capacity, *, max_per_row=None, alone=False):
    """A user's packer of a histogram: two of a length share a row where they fit."""
    patterns = Counter()
    for length in np.flatnonzero(histogram).tolist():
        twice = not alone and 2 * length <= capacity and max_per_row != 1
        pairs, single = divmod(int(histogram[length]), 2) if twice else (0, None)
        patterns[length, length] += pairs
        patterns[length,] += int(histogram[length]) if single is None else single
    return patterns


OWN = {"backwards": backwards, "twins": twins}
OPTIONS = ("first_fit(open_rows=3)", "best_fit(open_rows=3)", "best_fit(open_rows=1)")
SPECS = [*PACKERS, *OPTIONS, *OWN, "twins(alone=True)"]
# Sequences of one length are all the same to these.
BY_HISTOGRAM = [
    spec
    for spec in SPECS
    if spec.partition("(")[0] not in ("next_fit", "first_fit", "best_fit", "backwards")
]


@st.composite
def problems(draw, most: int = 40):
    """Lengths, a capacity, and a number of sequences per row or None."""
    capacity = draw(st.integers(1, 30))
    lengths = draw(st.lists(st.integers(1, capacity), min_size=1, max_size=most))
    return lengths, capacity, draw(st.none() | st.integers(1, 5))
