"""The trainer: a config becomes a job, the loop runs it in a folder."""

from .build import Job as Job, build as build
from .checkpoint import DamagedError as DamagedError
from .chips import topology_devices as topology_devices
from .compile_only import compile_only as compile_only
from .exits import (
    Exit as Exit,
    NumbersError as NumbersError,
    StoppedError as StoppedError,
)
from .functions import NORMALIZATIONS as NORMALIZATIONS
from .language import LOSSES as LOSSES
from .objectives import OBJECTIVES as OBJECTIVES
from .optim import SCHEDULES as SCHEDULES, optimizer_chain as optimizer_chain
from .plan import plan as plan
from .planned import Plan as Plan, show as show, write_plan as write_plan
from .plans import plans as plans, show_plans as show_plans, write_plans as write_plans
from .preflight import preflight as preflight
from .profile import check_profile as check_profile, how_to_open as how_to_open
from .replay import replay as replay
from .running import run as run
from .stop import Stop as Stop, listening as listening
from .sweep import read_sweep as read_sweep
from .trackers import TRACKERS as TRACKERS, Tracker as Tracker
from .windows import PREDICTIONS as PREDICTIONS
