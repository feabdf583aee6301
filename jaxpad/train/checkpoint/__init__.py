"""Checkpoints; `python -m jaxpad.train.checkpoint` looks at them and exports them."""

from .manifest import DamagedError as DamagedError
from .recover import newest_good as newest_good
from .store import Checkpoints as Checkpoints, saved_steps as saved_steps
