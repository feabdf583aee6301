"""One run a folder: a lock that a dead process does not hold."""

import contextlib
import fcntl
import os
import pathlib
import socket
import time
from collections.abc import Iterator
from typing import IO


TRIES, PAUSE = 10, 0.1  # whoever looks whether it is held holds it for a moment


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Iterator[None]:
    """Holds a run's folder for this process, until the end of the body.

    The system lets go of the lock when the process ends, however it ends.

    Raises:
        ValueError: if another process holds it, with its host and number.
    """
    with (folder / "lock").open("a+") as file:
        try:
            _take(file)
        except BlockingIOError:
            file.seek(0)
            raise ValueError(
                f"--workdir={folder} is in use by {file.read().strip() or 'a process'}:"
                " two runs would spoil each other. Wait for it, stop it, or give "
                "another --workdir."
            ) from None
        except OSError:
            pass  # some network folders know no locks
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


def is_locked(folder: pathlib.Path) -> bool:
    """Whether a process trains in a folder now."""
    try:
        with (folder / "lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is none, or the folder knows no locks
        return False
    return False


def _take(file: IO[str]) -> None:
    for left in reversed(range(TRIES)):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not left:
                raise
            time.sleep(PAUSE)
