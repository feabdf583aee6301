"""Measurements on images and models."""

from .borders import border_ring as border_ring, border_share as border_share
from .check import Report as Report, Row as Row, check as check
from .receptive import (
    padding_fraction as padding_fraction,
    receptive_cells as receptive_cells,
    receptive_field as receptive_field,
)
from .spectra import feature_maps as feature_maps, plot_spectra as plot_spectra
