"""What --compile_only does: plans a job's step, or a sweep's, and writes it down."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from .build import build
from .chips import topology_devices
from .plan import plan
from .planned import show, write_plan
from .plans import plans, show_plans, write_plans
from .sweep import read_sweep


def compile_only(
    config: Any,
    words: Sequence[str],
    topology: str | None,
    folder: pathlib.Path,
    console: Console,
) -> tuple[str, pathlib.Path, bool]:
    """Compiles the step of a job, or of every arm of a sweep; nothing runs.

    Args:
        config: a `ConfigDict`.
        words: of the sweep, for `read_sweep`; none for the config alone.
        topology: a TPU that need not be there; None for the devices that jax sees.
        folder: gets `plan.json`, or `plans.json` of a sweep.
        console: where progress is shown.

    Returns:
        What to print, what was written, and whether everything fits.

    Raises:
        ValueError: for a sweep that cannot be read; without one, for a job that is
            refused, or whose step does not fit into the memory.
    """
    arms = read_sweep(words, config)
    devices = None if topology is None else topology_devices(topology)
    if not words:
        found = plan(build(config, devices), console, _cache())
        return show(found), write_plan(found, folder), found.fits
    made = plans(config, arms, devices, console, _cache())
    return show_plans(made), write_plans(made, folder), all(arm.fits for arm in made)


def _cache() -> pathlib.Path:
    """Where plans are kept, as compiling may take minutes."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "jaxpad" / "plans"
