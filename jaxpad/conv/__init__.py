"""Operations with a window: convolution, its transpose, pooling, patches, resizing."""

from ..target import target as target, target_backend as target_backend
from .blur import blur_pool as blur_pool
from .choose import Choice as Choice, choose as choose
from .edge import edge_conv as edge_conv
from .functional import conv as conv
from .halo import halo as halo
from .kernels import Traffic as Traffic, traffic as traffic
from .mask import propagate_mask as propagate_mask
from .patches import patches as patches
from .pool import avg_pool as avg_pool, max_pool as max_pool
from .resize import resize_conv as resize_conv
from .shards import IMAGE_AXES as IMAGE_AXES, split_image as split_image
from .strategies import STRATEGIES as STRATEGIES, Strategy as Strategy
from .transposed import conv_transpose as conv_transpose
