"""How arrays are split over devices."""

from .mesh import (
    batch_split as batch_split,
    check_batch as check_batch,
    data_mesh as data_mesh,
    gathered as gathered,
    replicated as replicated,
    spread as spread,
)
