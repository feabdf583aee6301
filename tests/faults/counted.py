"""The digits, and a line in a file for each program that is compiled.

Which file, the environment says.
"""

import os
import time

import jax

from jaxpad.data import DATASETS, Dataset


COMPILED = "/jax/core/compile/backend_compile_duration"
VARIABLE = "COMPILED_INTO"


def digits() -> Dataset:
    """As without counting."""
    return DATASETS["digits"]()


def _note(event: str, duration_secs: float, **of: str | int) -> None:
    if event == COMPILED:
        with open(os.environ[VARIABLE], "a", encoding="utf-8") as file:
            file.write(
                f"{time.time():.3f} {of.get('fun_name', '')} {duration_secs:.3f}\n"
            )


if VARIABLE in os.environ:
    jax.monitoring.register_event_duration_secs_listener(_note)
