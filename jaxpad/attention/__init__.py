"""Attention that never drops a mask silently."""

from .choose import Case as Case, Choice as Choice, choose as choose
from .functional import attention as attention
from .inputs import Inputs as Inputs
from .rope import rope as rope
from .table import (
    IMPLEMENTATIONS as IMPLEMENTATIONS,
    LAYOUTS as LAYOUTS,
    Abilities as Abilities,
    Implementation as Implementation,
)


# The implementations, in the order of the table.
# isort: off
from . import dense as dense, chunked as chunked
from . import splash as splash, triton as triton, cudnn as cudnn
