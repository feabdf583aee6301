"""How a run can end: the exit codes of the launcher, for what starts it again."""

import enum


class Exit(enum.IntEnum):
    """What a script that starts runs has to know."""

    FINISHED = 0
    FAILED = 1  # the disk, the data, a bug: started again, the run goes on
    WRONG = 2  # config or data, which starting again does not mend
    LOST = 3  # another process is gone: start all of them again
    NUMBERS = 4  # too many steps in a row were not finite: --replay shows why
    MEMORY = 5  # a device has too little
    DAMAGED = 6  # no checkpoint is whole
    STOPPED = 42  # SIGTERM: saved, and made to be started again


class StoppedError(Exception):
    """A signal asked for the end, and the run is ready for it."""


class NumbersError(ArithmeticError):
    """Too many steps in a row were not finite."""
