"""The packers, in the order of the tables: one function a file."""

# isort: off
from .one_per_row import one_per_row as one_per_row
from .next_fit import next_fit as next_fit
from .first_fit import first_fit as first_fit
from .best_fit import best_fit as best_fit
from .first_fit_decreasing import first_fit_decreasing as first_fit_decreasing
from .best_fit_decreasing import best_fit_decreasing as best_fit_decreasing
from .spfhp import spfhp as spfhp
from .lpfhp import lpfhp as lpfhp
from .nnlshp import nnlshp as nnlshp
from .column_generation import column_generation as column_generation
