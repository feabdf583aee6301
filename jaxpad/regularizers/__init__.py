"""Regularizers: how far a convolution is from orthogonal, as something to minimise."""

from ..orthogonal import Existence as Existence, exists as exists
from .lorth import REGULARIZERS as REGULARIZERS, lorth as lorth, residual as residual
from .others import (
    kernel_orthogonality as kernel_orthogonality,
    spectral_norm as spectral_norm,
)
