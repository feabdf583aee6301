"""The trainer: a config becomes a job, the loop runs it in a folder."""

from .build import Job as Job, build as build
from .chips import topology_devices as topology_devices
from .functions import NORMALIZATIONS as NORMALIZATIONS
from .loop import run as run
from .optim import SCHEDULES as SCHEDULES, optimizer_chain as optimizer_chain
from .plan import plan as plan
from .planned import Plan as Plan, show as show, write_plan as write_plan
from .preflight import preflight as preflight
from .profile import check_profile as check_profile, how_to_open as how_to_open
from .trackers import TRACKERS as TRACKERS, Tracker as Tracker
from .windows import PREDICTIONS as PREDICTIONS
