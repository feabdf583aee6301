"""jaxpad: change how a model meets a border by naming it."""

from . import arith as arith, layers as layers
from .analysis import check as check
from .conv import (
    avg_pool as avg_pool,
    conv as conv,
    halo as halo,
    max_pool as max_pool,
)
from .padding import (
    MODES as MODES,
    PADDINGS as PADDINGS,
    Padding as Padding,
    affine as affine,
    pad as pad,
    source as source,
)


__version__ = "0.1.0"
