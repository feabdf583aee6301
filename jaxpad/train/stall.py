"""Says when a run makes no progress, and where it hangs."""

import contextlib
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

from .stop import Stop


# Seconds without a step. Some steps and many compilers take minutes.
PATIENCE = float(os.environ.get("JAXPAD_PATIENCE", "600"))


@contextlib.contextmanager
def noticed(
    stop: Stop, doing: Callable[[], str], patience: float = PATIENCE
) -> Iterator[None]:
    """Writes to stderr when no step ends for long: what it waits for, and the stacks.

    Of a cluster it names the processes that have done fewer steps than others.

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
                late = "".join(f"; {name} is behind" for name in stop.behind())
                print(
                    f"warning: nothing has moved for {patience:.0f} seconds "
                    f"({doing()}{late}). Where each thread is:",
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
