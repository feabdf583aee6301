"""How texts of many lengths share batches: the names for the config's `batching`."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...batching import Packer, length_buckets
from ...conv.arguments import whole
from ...registry import Registry


class Batching(NamedTuple):
    """What becomes of texts of given lengths; of `pack_examples`.

    Attributes:
        sizes: cells that a row may have, ascending; a batch has the smallest that holds
            its rows. Each is compiled once.
        packer: which texts share a row.
        max_per_row: texts that may share a row; None for any number.
        grouped: whether the rows of a batch are those of one size.
    """

    sizes: tuple[int, ...]
    packer: str | Packer = "one_per_row"
    max_per_row: int | None = None
    grouped: bool = True


# From the lengths of all texts, none above the capacity, and the capacity.
BATCHINGS: Registry[Callable[..., Batching]] = Registry("batching")


@BATCHINGS.register
def padded(lengths: np.ndarray, capacity: int) -> Batching:
    """One text a row, all rows of the capacity."""
    return Batching((capacity,))


@BATCHINGS.register
def longest(lengths: np.ndarray, capacity: int, *, multiple: int = 64) -> Batching:
    """One text a row, rows as long as the longest of the batch, rounded up.

    A program is compiled for each multiple, so few of them are better.
    """
    multiple = whole("multiple", multiple)
    return Batching((*range(multiple, capacity, multiple), capacity), grouped=False)


@BATCHINGS.register
def bucketed(lengths: np.ndarray, capacity: int, *, buckets: int = 4) -> Batching:
    """One text a row, batches of like lengths, of the best few sizes.

    The sizes are `jaxpad.batching.length_buckets`; each compiles a program.
    """
    return Batching(tuple(length_buckets(lengths, whole("buckets", buckets)).tolist()))


@BATCHINGS.register
def packed(
    lengths: np.ndarray,
    capacity: int,
    *,
    packer: str | Packer = "first_fit_decreasing",
    max_per_row: int | None = None,
) -> Batching:
    """Several texts a row, by a name in `jaxpad.batching.PACKERS`.

    "Efficient Sequence Packing without Cross-contamination", Krell et al., 2021.
    """
    return Batching((capacity,), packer, max_per_row)
