"""Padding: modes, the `Padding` record, and partial convolution's reweighting."""

from .modes import (
    LAWS as LAWS,
    MODES as MODES,
    missing_arguments as missing_arguments,
)
from .pad import (
    pad as pad,
    per_axis_modes as per_axis_modes,
    per_axis_widths as per_axis_widths,
)
from .partial import (
    REWEIGHTS as REWEIGHTS,
    apply_reweight as apply_reweight,
    reweight_ratio as reweight_ratio,
)
from .rules import Rule as Rule, affine as affine, rule_of as rule_of, source as source
from .spec import PADDINGS as PADDINGS, Padding as Padding, as_padding as as_padding


# Modules that only register modes, in the order of the tables.
# isort: off
from . import weighted as weighted, median as median
from . import linear_prediction as linear_prediction, distribution as distribution
from . import random as random, c2sp as c2sp, learned as learned
