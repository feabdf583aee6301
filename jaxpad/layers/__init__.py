"""Flax layers: parameters in flax's layout, and a call into the functional core."""

from .attention import Attention as Attention
from .channel import PadChannel as PadChannel
from .conv import Conv as Conv
from .edge import EdgeConv as EdgeConv
from .learned import (
    STATEFUL as STATEFUL,
    LearnedConstant as LearnedConstant,
    LearnedExtrapolation as LearnedExtrapolation,
    Random as Random,
)
from .norm import GroupNorm as GroupNorm
from .orthogonal import (
    OrthogonalConv as OrthogonalConv,
    OrthogonalConvTranspose as OrthogonalConvTranspose,
)
from .padded import Padded as Padded
from .pool import AvgPool as AvgPool, MaxPool as MaxPool
from .recurrent import RNN as RNN
from .regularize import (
    extremes as extremes,
    orthogonal_start as orthogonal_start,
    penalty as penalty,
)
from .replace import replace_padding as replace_padding
from .resample import (
    BlurPool as BlurPool,
    Patches as Patches,
    ResizeConv as ResizeConv,
)
from .transposed import ConvTranspose as ConvTranspose
from .zero import zero_init_model as zero_init_model
