"""The trainer: a config becomes a job, the loop runs it in a folder."""

from .build import Job as Job, build as build
from .functions import NORMALIZATIONS as NORMALIZATIONS
from .loop import run as run
from .optim import SCHEDULES as SCHEDULES, optimizer_chain as optimizer_chain
from .preflight import preflight as preflight
from .profile import check_profile as check_profile, how_to_open as how_to_open
from .trackers import TRACKERS as TRACKERS, Tracker as Tracker
from .windows import PREDICTIONS as PREDICTIONS
