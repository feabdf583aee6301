"""Measurements on images and models."""

from .borders import (
    activation_maps as activation_maps,
    border_distance as border_distance,
    border_ring as border_ring,
    border_share as border_share,
    by_cutout as by_cutout,
    by_distance as by_distance,
    cross_paddings as cross_paddings,
    foveation_maps as foveation_maps,
    padding_use as padding_use,
    shift_consistency as shift_consistency,
    under_padding as under_padding,
    unevenness as unevenness,
)
from .check import Report as Report, Row as Row, check as check
from .receptive import (
    padding_fraction as padding_fraction,
    receptive_cells as receptive_cells,
    receptive_field as receptive_field,
)
from .spectra import feature_maps as feature_maps, plot_spectra as plot_spectra
