"""How many rows packers need of such lengths, Grain's beside jaxpad's."""

from typing import Any

import grain
import numpy as np
from arms import Size, drawn

from jaxpad.batching import pack


# A batch alone, and as many as a batch may be chosen from.
COUNTS = (16, 1024)
# Those that take sequences as they come keep all rows open, as Grain's are told to.
THEIRS = {"FirstFit": "first_fit", "BestFit": "best_fit"}


def measure(length: int, means: tuple[float, ...]) -> dict[str, Any]:
    """By mean and number of sequences: their cells, and the rows of each packer."""
    found: dict[str, Any] = {"length": length}
    for mean in means:
        for count in COUNTS:
            sequences = drawn(length, mean, Size(sequences=count))
            lengths, made = [len(s) for s in sequences], {}
            for name, ours in THEIRS.items():
                made[f"grain {name}"] = by_grain(name, sequences, length)
                made[ours] = by_us(f"{ours}(open_rows={count})", lengths, length)
            decreasing = "first_fit_decreasing"
            made[decreasing] = by_us(decreasing, lengths, length)
            found[f"{mean}, {count}"] = {"tokens": sum(lengths), "rows": made}
    return found


def by_us(packer: str, lengths: list[int], length: int) -> int:
    return int(pack(lengths, length, packer).max()) + 1


def by_grain(name: str, sequences: list[np.ndarray], length: int) -> int:
    """With as many open rows as there are sequences, so that none is closed early."""
    source = grain.MapDataset.source(sequences).map(lambda x: {"x": x})
    packer = getattr(grain.experimental, f"{name}PackIterDataset")
    packed = packer(
        source.to_iter_dataset(grain.ReadOptions(num_threads=0)),
        length_struct={"x": length},
        num_packing_bins=len(sequences),
        shuffle_bins=False,
    )
    return sum(1 for _ in packed)
