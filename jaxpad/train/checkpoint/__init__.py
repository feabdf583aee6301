"""Checkpoints; `python -m jaxpad.train.checkpoint` makes files for others of them."""

from .store import Checkpoints as Checkpoints, saved_steps as saved_steps
