"""Sweeps: a config's arms in words, and a run of each."""

from .command import listed as listed, sweep as sweep
from .own import own_sweep as own_sweep
from .processes import OUTPUT as OUTPUT
from .runs import Run as Run, runs_of as runs_of
from .scripts import SCRIPTS as SCRIPTS
from .together import SharedStop as SharedStop, together as together
from .words import (
    Overrides as Overrides,
    in_words as in_words,
    read_sweep as read_sweep,
    with_overrides as with_overrides,
)
