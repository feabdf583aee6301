"""Flax layers: parameters in flax's layout, and a call into the functional core."""

from .channel import PadChannel as PadChannel
from .conv import Conv as Conv
from .edge import EdgeConv as EdgeConv
from .learned import (
    STATEFUL as STATEFUL,
    LearnedConstant as LearnedConstant,
    LearnedExtrapolation as LearnedExtrapolation,
    Random as Random,
)
from .orthogonal import (
    OrthogonalConv as OrthogonalConv,
    OrthogonalConvTranspose as OrthogonalConvTranspose,
)
from .padded import Padded as Padded
from .pool import AvgPool as AvgPool, MaxPool as MaxPool
from .replace import replace_padding as replace_padding
from .resample import (
    BlurPool as BlurPool,
    Patches as Patches,
    ResizeConv as ResizeConv,
)
from .transposed import ConvTranspose as ConvTranspose
