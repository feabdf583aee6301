"""Operations with a window: convolution and pooling."""

from .edge import edge_conv as edge_conv
from .functional import conv as conv
from .pool import avg_pool as avg_pool, max_pool as max_pool
