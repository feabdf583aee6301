"""The trainer: a config becomes a job, the loop runs it in a folder."""

from .build import Job as Job, build as build
from .functions import NORMALIZATIONS as NORMALIZATIONS
from .loop import run as run
from .optim import SCHEDULES as SCHEDULES, optimizer_chain as optimizer_chain
from .windows import PREDICTIONS as PREDICTIONS
