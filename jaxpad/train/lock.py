"""One run a folder: a lock that a dead process does not hold."""

import contextlib
import fcntl
import os
import pathlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Iterator[None]:
    """Holds a run's folder for this process, until the end of the body.

    The system lets go of the lock when the process ends, however it ends.

    Raises:
        ValueError: if another process holds it, with its host and number.
    """
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
