"""What happens near the border of an image: measures that padding studies need."""

from .cross import (
    Crossed as Crossed,
    cross_paddings as cross_paddings,
    under_padding as under_padding,
)
from .curves import (
    PARTS as PARTS,
    Cutout as Cutout,
    Distance as Distance,
    by_cutout as by_cutout,
    by_distance as by_distance,
)
from .foveation import foveation_maps as foveation_maps
from .maps import (
    Unevenness as Unevenness,
    activation_maps as activation_maps,
    unevenness as unevenness,
)
from .ring import (
    border_distance as border_distance,
    border_ring as border_ring,
    border_share as border_share,
    central as central,
)
from .shift import Shift as Shift, shift_consistency as shift_consistency
from .uneven import PaddingUse as PaddingUse, padding_use as padding_use
