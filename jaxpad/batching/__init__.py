"""Batches of sequences of many lengths: packers, bounds, and the layout of rows."""

from .buckets import (
    length_buckets as length_buckets,
    sort_within_window as sort_within_window,
    token_batches as token_batches,
)
from .catalogue import (
    PACKERS as PACKERS,
    Packer as Packer,
    by_histogram as by_histogram,
)
from .cut import POLICIES as POLICIES, Pieces as Pieces, cut as cut
from .layout import Layout as Layout, layout as layout
from .plan import Plan as Plan, pack as pack, plan as plan


# The packers, in the order of the tables.
# isort: off
from . import packers as packers
