"""Checkpoints, and what becomes of them: `python -m jaxpad.train.checkpoint`."""

from .export import export_run as export_run, trained as trained
from .store import Checkpoints as Checkpoints, saved_steps as saved_steps
