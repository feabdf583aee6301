"""Convolutions that keep lengths: where they exist, and kernels that are so exactly."""

from .architecture import Existence as Existence
from .delta import delta_orthogonal as delta_orthogonal
from .exists import exists as exists
from .kernel import (
    Free as Free,
    orthogonal_kernel as orthogonal_kernel,
    orthogonal_parameters as orthogonal_parameters,
)
from .winding import Winding as Winding, winding as winding
