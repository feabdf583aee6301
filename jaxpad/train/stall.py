"""Says when a run makes no progress, and where it hangs."""

import contextlib
import faulthandler
import sys
import threading
import time
from collections.abc import Callable, Iterator

from .stop import Stop


# Seconds without a step. Some steps and many compilers take minutes.
PATIENCE = 600.0


@contextlib.contextmanager
def noticed(
    stop: Stop, doing: Callable[[], str], patience: float = PATIENCE
) -> Iterator[None]:
    """Writes to stderr when no step ends for long: what it waits for, and the stacks.

    Once for each time that it hangs; it may go on by itself.

    Args:
        stop: which counts steps.
        doing: what the run is doing, in words.
        patience: seconds.
    """
    over = threading.Event()

    def look() -> None:
        ticks, since, told = stop.ticks, time.monotonic(), False
        while not over.wait(min(1.0, patience / 10)):
            if stop.ticks != ticks:
                ticks, since, told = stop.ticks, time.monotonic(), False
            elif not told and time.monotonic() - since > patience:
                told = True
                print(
                    f"warning: nothing has moved for {patience:.0f} seconds "
                    f"({doing()}). Where each thread is:",
                    file=sys.stderr,
                    flush=True,
                )
                faulthandler.dump_traceback(2)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
