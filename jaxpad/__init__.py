"""jaxpad: change how a model meets a border by naming it."""

from . import arith as arith, layers as layers
from .conv import avg_pool as avg_pool, conv as conv, max_pool as max_pool
from .padding import (
    MODES as MODES,
    PADDINGS as PADDINGS,
    Padding as Padding,
    affine as affine,
    cube_sphere_points as cube_sphere_points,
    healpix_points as healpix_points,
    pad as pad,
    source as source,
)


__version__ = "0.1.0"
