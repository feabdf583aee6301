"""Processes that train together watch each other: none waits for one that is gone.

Each says every few seconds that it is alive, in the key-value store of jax's
coordination service, which runs in process 0. Threads do it, and so it goes on while
the program computes, reads, or waits for the others in a collective.
"""

import contextlib
import ctypes
import itertools
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any

import jax

# The store has no public name; what is used of it is alike in the versions tested.
from jax._src import distributed

from .stop import Stop


LOST = 3  # the exit code of a process that ends because another is gone
FOLDER, GONE = "jaxpad/watch/", "jaxpad/gone/"
# Seconds; fewer for the tests, which cannot wait for a minute.
SILENCE = float(os.environ.get("JAXPAD_SILENCE", "60"))
ROUNDS = 20  # of saying something in that time
PAUSE = SILENCE / ROUNDS
GRACE = 3  # rounds in which what one process knows reaches the others
# Seconds in which the others have done a step more than one of them.
LATE = float(os.environ.get("JAXPAD_PATIENCE", "100"))
LAST = 3  # seconds for a last word, fewer than `_delay_aborts` gives


@contextlib.contextmanager
def watched(stop: Stop) -> Iterator[None]:
    """Ends this process with code 3 when another dies, stalls or fails meanwhile.

    One line on stderr names the other by its number and host: after `SILENCE` seconds
    and a few more, or at once if it said that it failed, or was the first of all, whose
    port then closes. One that is alive and `LATE` seconds behind, for it waits for data
    or hangs, ends all, itself too. In the end the processes wait for each other. When
    one is asked to stop, they agree after which step all do.

    Args:
        stop: of this process.

    Raises:
        BaseException: what the body raises, if all others fail as well. Otherwise the
            process exits here, as that would have made it exit: on its usual way out
            jax waits for the others, which are gone.
    """
    watch = _Watch(stop)
    try:
        yield
        watch.meet(rounds=10**5)
    except BaseException as error:
        # A collective fails as soon as another process is gone; who, is not known yet.
        of_jax = isinstance(error, jax.errors.JaxRuntimeError)
        if of_jax and watch.meet(rounds=ROUNDS + 2 * GRACE):
            raise
        watch.state = "failed"
        if not watch.meet(rounds=2 * GRACE):
            code = _shown(error)
            sys.stdout.flush()
            os._exit(code)
        watch.part()
        raise
    finally:
        watch.over = True


def _shown(error: BaseException) -> int:
    """Prints what Python prints when this ends a program; the exit code."""
    if not isinstance(error, SystemExit):
        traceback.print_exception(error)
    elif not isinstance(error.code, int):
        print(error.code, file=sys.stderr)
    else:
        return error.code
    return 1


class _Watch:
    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self.client: Any = distributed.global_state.client
        self.address = distributed.global_state.coordinator_address or ""
        self.me, self.state, self.over = jax.process_index(), "alive", False
        self.said = dict.fromkeys(range(jax.process_count()), "")
        # Rounds, not seconds: for a process that was halted itself no time has passed.
        self.silent, self.failed = dict.fromkeys(self.said, 0), 0
        self.late, self.ticks = dict.fromkeys(self.said, 0), dict.fromkeys(self.said, 0)
        self.unanswered = 0
        _delay_aborts()
        for work in (self._talk, self._wait):
            threading.Thread(target=work, daemon=True).start()

    def meet(self, rounds: int) -> bool:
        """Whether all others come to the same end within so many rounds."""
        milliseconds = round(1000 * rounds * PAUSE)
        try:
            self.client.wait_at_barrier(f"jaxpad: {self.state}", milliseconds)
        except jax.errors.JaxRuntimeError:
            return False
        return True

    def part(self) -> None:
        """Keeps the first process, in which the store is, until the others are gone.

        For a program that exits at once: where the store closes too early, jax aborts
        those that still wait for an answer.
        """
        if self.me:
            # The first may end before it answers, and the answer is not needed.
            say = threading.Thread(target=self._say_gone, daemon=True)
            say.start()
            return say.join(LAST)
        with contextlib.suppress(jax.errors.JaxRuntimeError):
            for number in range(1, len(self.said)):
                self.client.blocking_key_value_get(f"{GONE}{number}", 1000 * LAST)

    def _say_gone(self) -> None:
        with contextlib.suppress(jax.errors.JaxRuntimeError):
            self.client.key_value_set(f"{GONE}{self.me}", "")

    def _talk(self) -> None:
        for count in itertools.count():
            if self.over:
                return
            promise = self.stop.promise or "-"
            host, ticks = socket.gethostname(), self.stop.ticks
            excused = int(self.stop.excused)
            word = f"{self.state} {host} {promise} {ticks} {excused} {count}"
            # An error is a missing answer, of which the other thread thinks.
            with contextlib.suppress(jax.errors.JaxRuntimeError):
                self.client.key_value_set(f"{FOLDER}{self.me}", word, True)
                self._hear(dict(self.client.key_value_dir_get(FOLDER)))
                self.unanswered = 0
            if self.stop.news.wait(PAUSE):
                self.stop.news.clear()

    def _hear(self, words: dict[str, str]) -> None:
        for number, before in self.said.items():
            self.said[number] = word = words.get(f"{FOLDER}{number}", "")
            self.silent[number] = self.silent[number] + 1 if word == before else 0
            if self.silent[number] >= ROUNDS:
                self._end(number, f"has said nothing for {SILENCE:.0f} seconds")
            # What fails for one often fails for all: each may say why itself.
            self.failed += word.startswith("failed")
            if self.failed > GRACE:
                self._end(number, "stopped with an error, which its output shows")
        words_of = {n: word.split() for n, word in self.said.items() if word}
        self.stop.others = {
            f"process {n} on {said[1]}": int(said[3]) for n, said in words_of.items()
        }
        self._agree([said[2] for said in words_of.values()])
        for number, said in words_of.items():
            self._miss(number, int(said[3]), excused=said[4] == "1")

    def _miss(self, number: int, ticks: int, *, excused: bool) -> None:
        """Ends all if a process is behind for too long."""
        behind = ticks < max(self.stop.others.values()) and not excused
        moved, self.ticks[number] = ticks != self.ticks[number], ticks
        self.late[number] = self.late[number] + 1 if behind and not moved else 0
        if self.late[number] * PAUSE >= LATE:
            self._end(number, f"is alive, and {LATE:.0f} seconds behind the others")

    def _agree(self, promises: list[str]) -> None:
        """Ends with the others where they do, once one of them is asked to."""
        made = [int(promise) for promise in promises if promise != "-"]
        if made:
            self.stop.ask()
        if len(made) == len(self.said):
            self.stop.agree(max(made))

    def _wait(self) -> None:
        while not self.over:
            time.sleep(PAUSE)
            self.unanswered += 1
            if _closed(self.address):
                self._end(0, "has ended")
            if self.unanswered >= ROUNDS:
                self._end(0, f"has not answered for {SILENCE:.0f} seconds")

    def _end(self, number: int, what: str) -> None:
        if self.over or self.state == "failed":
            return
        host = (self.said[number].split() or ["", "of an unknown host"])[1]
        line = (
            f"error: process {number} of {len(self.said)}, on {host}, {what}. Process "
            f"{self.me} cannot go on without it and stops. Start all again with the "
            "same --workdir: the run goes on from its newest checkpoint.\n"
        )
        os.write(2, line.encode())
        if self.me == 0:  # the others hear through it
            time.sleep(2 * GRACE * PAUSE)
        os._exit(LOST)


def _closed(address: str) -> bool:
    """Whether nobody listens there any more, though the host answers."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PAUSE).close()
    except ConnectionRefusedError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _delay_aborts() -> None:
    """Gives the watch time to say who is gone, before jax aborts the process.

    When the first process dies, jax calls abort() in the others within milliseconds,
    and names nobody; Python cannot change that. C's sleep, as the handler of the signal
    6, sleeps for 6 seconds, and then the abort goes on.
    """
    libc = ctypes.CDLL(None)
    libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    libc.signal(signal.SIGABRT, ctypes.cast(libc.sleep, ctypes.c_void_p))
