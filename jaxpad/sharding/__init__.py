"""How arrays are split over devices."""

from .host import offload as offload
from .layout import Layout as Layout, pack as pack, split as split, unpack as unpack
from .mesh import (
    batch_split as batch_split,
    check_batch as check_batch,
    check_images as check_images,
    check_processes as check_processes,
    data_mesh as data_mesh,
    gathered as gathered,
    make_mesh as make_mesh,
    replicated as replicated,
    spread as spread,
    spread_shapes as spread_shapes,
    under as under,
)
from .rules import (
    RULES as RULES,
    SHARDINGS as SHARDINGS,
    match as match,
    rules_of as rules_of,
)
from .shapes import needs_shapes as needs_shapes
from .stages import STAGES as STAGES, Stage as Stage, Zero as Zero, zero as zero
from .table import describe as describe
