"""A signal that asks a run to end: it saves its state first, wherever it is.

SIGTERM is what clusters send before they take a machine away, SIGINT is Ctrl-C. At the
first of them the run ends after the step that it is at. At the second it ends at once.
"""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from rich.console import Console

from .exits import Exit, StoppedError


T = TypeVar("T")
SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Wakes the main thread. Systems ignore it unless a program asks for it.
REMINDER = signal.SIGURG
NOTHING = "nothing new to save, stopping"
SAVING = (
    "saving a checkpoint after this step, then stopping; a second one stops at once"
)
PATIENCE = 1.0  # seconds between two of them


class Stop:
    """Whether the run is to end, and after which tick.

    A tick is a training step or a batch of an evaluation. All processes of a cluster
    count alike and end after the same one, for each step is computed by all of them:
    one that was asked to end promises not to go beyond its next tick, the others hear
    of it and promise the same, and the highest promise is where all end.

    Args:
        alone: whether there are no other processes to agree with.
    """

    def __init__(self, *, alone: bool = True):
        self.alone, self.ticks = alone, 0
        self.signal: signal.Signals | None = None
        # Until the first step, and after the last checkpoint, nothing would be lost.
        self.unsaved = False
        self.promise: int | None = None
        self.news = threading.Event()  # that it was asked to end
        self.others: dict[str, int] = {}  # the ticks of each process of a cluster
        self.excused = True  # whether the others wait for it, however long it takes
        self._agreed: int | None = None
        self._changed = threading.Condition()
        self._waiting = False

    @property
    def asked(self) -> bool:
        """Whether the run is to end soon."""
        return self.promise is not None

    @property
    def code(self) -> int:
        """The exit code of a run that ended as asked."""
        return 130 if self.signal == signal.SIGINT else Exit.STOPPED

    def behind(self) -> list[str]:
        """The processes that the others of the cluster wait for."""
        furthest = max(self.others.values(), default=0)
        return [name for name, ticks in self.others.items() if ticks < furthest]

    @contextlib.contextmanager
    def excuse(self) -> Iterator[None]:
        """What is done in here may take long: it compiles, or writes a checkpoint."""
        before, self.excused = self.excused, True
        try:
            yield
        finally:
            self.excused = before

    def ask(self) -> None:
        """Asks for the end, from any thread."""
        with self._changed:
            if self.promise is None:
                self.promise = self.ticks + 1
                self.news.set()
                if self.alone:
                    self._agreed = self.ticks

    def agree(self, tick: int) -> None:
        """Says after which tick all processes end."""
        with self._changed:
            self._agreed = tick
            self._changed.notify_all()

    def reached(self) -> bool:
        """Counts a tick; whether the run ends after it."""
        with self._changed:
            self.ticks += 1
            self.unsaved, self.excused = True, False
            if self.promise is None:
                return False
            while self._agreed is None and self.ticks >= self.promise:
                self._changed.wait()
            return self._agreed is not None and self.ticks >= self._agreed

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """What is done in here is broken off by a signal, for it could take for ever.

        Not in a cluster, where the others may be waiting for it.

        Raises:
            StoppedError: as soon as the run is asked to end.
        """
        self._waiting = self.alone
        try:
            if self.asked and self.alone:
                raise StoppedError
            yield
        except StoppedError:
            raise
        except Exception as error:
            # Ctrl-C reaches the processes that read, too, and they end.
            if self.asked and self.alone:
                raise StoppedError from error
            raise
        finally:
            self._waiting = False

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """Items that may take for ever to come."""
        iterator, end = iter(items), object()
        while True:
            with self.waiting():
                item: Any = next(iterator, end)
            if item is end:
                return
            yield item

    def break_off(self, *_: Any) -> None:
        """Python's part of a signal's handler, in the main thread."""
        if self._waiting:
            raise StoppedError

    def remind(self) -> None:
        """Breaks off what is still waited for: the first time may have been too early.

        The handler ran before the wait began, or a library caught what it raised.
        """
        main = threading.main_thread().ident
        if self._waiting and main is not None:
            signal.pthread_kill(main, REMINDER)


@contextlib.contextmanager
def listening(stop: Stop, console: Console) -> Iterator[None]:
    """Hears SIGTERM and SIGINT until the end of the body.

    Python runs a handler only when the main thread is between two lines of Python,
    which a compiler or a device may keep it from for minutes. So a thread hears.

    Args:
        stop: what is told.
        console: where it is said.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    thread = threading.Thread(target=_hear, args=(reading, stop, console), daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    heard = (*SIGNALS, REMINDER)
    handlers = {s: signal.signal(s, lambda *_: stop.break_off()) for s in heard}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(writing)  # which ends the thread
        thread.join()
        os.close(reading)


def _hear(reading: int, stop: Stop, console: Console) -> None:
    while True:
        patience = PATIENCE if stop.asked and stop.alone else None
        if not select.select([reading], [], [], patience)[0]:
            stop.remind()
            continue
        if not (number := os.read(reading, 1)):
            return
        if number[0] not in SIGNALS:
            continue
        if stop.signal is not None:
            _end(console, 128 + number[0])
        stop.signal = signal.Signals(number[0])
        stop.ask()
        at_once = stop.alone and not stop.unsaved
        then = NOTHING if at_once else SAVING
        with contextlib.suppress(OSError):  # stdout may be on a disk that is full
            console.print(f"{stop.signal.name}: {then}")
        if at_once:
            _end(console, stop.code)


def _end(console: Console, code: int) -> None:
    with contextlib.suppress(OSError):
        console.show_cursor()  # which a living line hides
        sys.stdout.flush()
    os._exit(code)
