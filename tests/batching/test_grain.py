"""First and best fit are those of Grain, row for row."""

import numpy as np
import pytest

from jaxpad.batching import pack


grain = pytest.importorskip("grain")


@pytest.mark.parametrize("name", ["FirstFit", "BestFit"])
@pytest.mark.parametrize(("bins", "most"), [(1, None), (4, None), (16, None), (8, 3)])
def test_rows_are_those_of_grain(name: str, bins: int, most: int | None):
    lengths = np.random.default_rng(bins).integers(1, 50, 300)
    # Each cell of a sequence holds its number, from 1, so that rows can be read off.
    sequences = [np.full(length, i + 1) for i, length in enumerate(lengths)]
    source = grain.MapDataset.source(sequences).map(lambda x: {"x": x})
    packer = getattr(grain.experimental, f"{name}PackIterDataset")
    packed = packer(
        source.to_iter_dataset(grain.ReadOptions(num_threads=0)),
        length_struct={"x": 50},
        num_packing_bins=bins,
        shuffle_bins=False,
        max_sequences_per_bin=most,
    )
    theirs = np.empty(len(lengths), np.int64)
    for row, element in enumerate(packed):
        theirs[np.unique(element["x"][element["x"] > 0]) - 1] = row
    packer = {"FirstFit": "first_fit", "BestFit": "best_fit"}[name]
    ours = pack(lengths, 50, f"{packer}(open_rows={bins})", max_per_row=most)
    np.testing.assert_array_equal(ours, theirs)
