"""Initial values of kernels, as functions `init(key, shape, dtype)`."""

from ..orthogonal import delta_orthogonal as delta_orthogonal
from .zero import zero_init as zero_init
