"""Measurements on images and models, as pure functions."""

from .borders import border_ring as border_ring, border_share as border_share
