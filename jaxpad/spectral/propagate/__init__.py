"""How frequencies go through a network: stacks, borders, upsampling, random kernels.

A spectrum is `fftn` over the space axes, not normalised, so that frequency `f` of `n`
cells is the wave `exp(2 pi i f m / n)`.

"Defects of Convolutional Decoder Networks in Frequency Representation", Tang et al.,
2023, has the theorems for circular padding and stride 1.
"""

from .border import (
    leakage as leakage,
    own_share as own_share,
    pad_leakage as pad_leakage,
)
from .maps import (
    log_magnitude as log_magnitude,
    low_share as low_share,
    spectrum as spectrum,
)
from .moments import (
    RandomLayer as RandomLayer,
    expected_transfer as expected_transfer,
    log_second_moment as log_second_moment,
)
from .resample import (
    upsample as upsample,
    upsampling as upsampling,
    zero_pad_tau as zero_pad_tau,
)
from .stack import (
    Layer as Layer,
    Stack as Stack,
    stack_transfer as stack_transfer,
    through as through,
)
from .waves import dirichlet as dirichlet, gradient_coupling as gradient_coupling
