"""What packing is compared with: batches that are padded, and buckets of lengths."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxpad.batching import length_buckets


Say = Callable[[str], None]
BATCHES, ORDERS, BUCKETS = (8, 32), 5, (4, 8, 16)


def measure(histogram: np.ndarray, say: Say) -> dict[str, Any]:
    """The part of all cells that hold a sequence, and how many shapes there are."""
    lengths = np.repeat(np.arange(len(histogram)), histogram)
    capacity, tokens = len(histogram) - 1, int(lengths.sum())
    found: dict[str, Any] = {
        "all padded to the capacity": {
            "efficiency": round(tokens / (capacity * len(lengths)), 6),
            "shapes": 1,
        }
    }
    for size in BATCHES:
        say(f"batches of {size}")
        drawn = [random_batches(lengths, size, seed) for seed in range(ORDERS)]
        found[f"random batches of {size}, padded to their longest"] = {
            "efficiency": round(float(np.mean([d[0] for d in drawn])), 6),
            "std": round(float(np.std([d[0] for d in drawn], ddof=1)), 6),
            "shapes": max(d[1] for d in drawn),
        }
    for k in BUCKETS:
        say(f"{k} buckets")
        edges = length_buckets(lengths, k)
        cells = edges[np.searchsorted(edges, lengths)].sum()
        found[f"{k} buckets, the best edges"] = {
            "efficiency": round(tokens / int(cells), 6),
            "edges": edges.tolist(),
            "shapes": len(edges),
        }
    return found


def random_batches(lengths: np.ndarray, size: int, seed: int) -> tuple[float, int]:
    """Efficiency and the number of shapes, of batches in a random order."""
    order = np.random.default_rng(seed).permutation(lengths)
    longest = np.maximum.reduceat(order, np.arange(0, len(order), size))
    cells = np.repeat(longest, size)[: len(order)].sum()
    return float(lengths.sum() / cells), len(np.unique(longest))
