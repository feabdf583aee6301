"""Checkpoints; `python -m jaxpad.train.checkpoint` looks at them and exports them."""

from .folder import saved_steps as saved_steps
from .manifest import DamagedError as DamagedError
from .recover import newest_good as newest_good
from .store import Checkpoints as Checkpoints
