"""Batches of sequences of many lengths: packers, bounds, and the layout of rows."""

from .batch import Ragged as Ragged
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
from .from_rows import pack_sequences as pack_sequences, ragged as ragged
from .invariance import assert_padding_invariant as assert_padding_invariant
from .isolation import assert_isolated as assert_isolated
from .layout import Layout as Layout, layout as layout
from .losses import (
    length_weighted_loss as length_weighted_loss,
    sequence_loss as sequence_loss,
    token_loss as token_loss,
)
from .per_sequence import (
    sum_per_sequence as sum_per_sequence,
    to_cells as to_cells,
)
from .plan import Plan as Plan, pack as pack, plan as plan
from .rescale import RESCALES as RESCALES
from .segment_conv import segment_conv as segment_conv
from .segment_modes import SEGMENT_MODES as SEGMENT_MODES
from .segment_norm import segment_norm as segment_norm
from .segment_pool import segment_pool as segment_pool
from .segment_scan import segment_scan as segment_scan
from .views import (
    aligned as aligned,
    flat as flat,
    lanes as lanes,
    packed as packed,
    padded as padded,
)


# The packers, in the order of the tables, and the modes that are no rules.
# isort: off
from . import packers as packers
from . import segment_forms as segment_forms, segment_lines as segment_lines
