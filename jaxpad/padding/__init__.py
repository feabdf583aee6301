"""Padding: modes, the `Padding` record, and partial convolution's reweighting."""

from .catalogue import (
    LAWS as LAWS,
    missing_arguments as missing_arguments,
    sum_dtype as sum_dtype,
)
from .cells import Number as Number
from .modes import MODES as MODES
from .names import mode_name as mode_name
from .pad import (
    as_fills as as_fills,
    pad as pad,
    per_axis_modes as per_axis_modes,
    per_axis_widths as per_axis_widths,
)
from .partial import (
    REWEIGHTS as REWEIGHTS,
    apply_reweight as apply_reweight,
    reweight_ratio as reweight_ratio,
)
from .rules import (
    Fill as Fill,
    Make as Make,
    Rule as Rule,
    Runs as Runs,
    Terms as Terms,
    affine as affine,
    fill_axes as fill_axes,
    rule_of as rule_of,
    runs_of as runs_of,
    source as source,
    sums_of_cells as sums_of_cells,
    terms_of as terms_of,
    unwrapped as unwrapped,
)
from .spec import (
    PADDINGS as PADDINGS,
    Padding as Padding,
    as_padding as as_padding,
    per_axis_amounts as per_axis_amounts,
)


# The other modes, in the order of the tables.
# isort: off
from . import weighted as weighted, median as median
from . import linear_prediction as linear_prediction, distribution as distribution
from . import random as random, c2sp as c2sp, learned as learned
from .latlon import latlon as latlon
from .cube_sphere import (
    cube_sphere as cube_sphere,
    cube_sphere_points as cube_sphere_points,
)
from .healpix import healpix as healpix, healpix_points as healpix_points
