"""Initial values of kernels, as functions `init(key, shape, dtype)`."""

from .zero import zero_init as zero_init
