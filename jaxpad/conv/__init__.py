"""Operations with a window: convolution and pooling."""

from .choose import Choice as Choice, choose as choose
from .functional import conv as conv
from .halo import halo as halo
from .kernels import Traffic as Traffic, traffic as traffic
from .pool import avg_pool as avg_pool, max_pool as max_pool
from .strategies import STRATEGIES as STRATEGIES
