"""jaxpad: change how a model meets a border by naming it."""

from . import (
    arith as arith,
    attention as attention,
    batching as batching,
    init as init,
    layers as layers,
    orthogonal as orthogonal,
    regularizers as regularizers,
    spectral as spectral,
)
from .analysis import check as check
from .conv import (
    avg_pool as avg_pool,
    blur_pool as blur_pool,
    conv as conv,
    conv_transpose as conv_transpose,
    halo as halo,
    max_pool as max_pool,
    patches as patches,
    propagate_mask as propagate_mask,
    resize_conv as resize_conv,
)
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
