"""Where several processes stop: all after the same tick, whoever is asked, and when."""

import contextlib
import signal
import threading
import time

import pytest
from hypothesis import Phase, given, settings, strategies as st
from rich.console import Console

from jaxpad.train import StoppedError
from jaxpad.train.stop import Stop, listening


def talk(stops: list[Stop], asked: int, rounds: int) -> list[int]:
    """Processes that count, and tell each other as `watch` does; where each stops.

    No process is more than one tick ahead of another, as in a step that all compute.
    """
    ended: list[int] = []
    barrier = threading.Barrier(len(stops))

    def train(stop: Stop) -> None:
        while not stop.reached():
            barrier.wait(10)
        ended.append(stop.ticks)

    threads = [threading.Thread(target=train, args=(stop,)) for stop in stops]
    for thread in threads:
        thread.start()
    while stops[asked].ticks < rounds:
        pass
    stops[asked].ask()
    for stop in stops:  # each hears of it, one after the other
        time.sleep(0.002)  # and meanwhile all go as far as they can
        stop.ask()
    promises = [stop.promise for stop in stops]
    for stop in stops:
        stop.agree(max(p for p in promises if p is not None))
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    return ended


# One that fails takes ten seconds, so no smaller one is looked for.
@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(count=st.integers(1, 4), rounds=st.integers(0, 20), data=st.data())
def test_all_end_after_the_same(count: int, rounds: int, data: st.DataObject):
    stops = [Stop(alone=False) for _ in range(count)]
    asked = data.draw(st.integers(0, count - 1))
    ended = talk(stops, asked, rounds)
    assert len(ended) == count
    assert len(set(ended)) == 1
    assert ended[0] >= rounds


def test_alone():
    stop = Stop()
    assert not stop.reached()
    stop.ask()
    assert stop.asked
    assert stop.reached()


def test_waiting_is_broken_off():
    stop = Stop()
    with pytest.raises(StoppedError), stop.waiting():
        stop.break_off()
    stop.break_off()  # not while nothing is waited for
    together = Stop(alone=False)
    with together.waiting():
        together.break_off()


def test_what_a_library_catches_is_broken_off_again():
    stop = Stop()
    stop.unsaved = True

    def wait() -> None:
        with contextlib.suppress(StoppedError):
            signal.raise_signal(signal.SIGTERM)
            time.sleep(60)
        time.sleep(60)

    with listening(stop, Console(quiet=True)), stop.waiting():
        with pytest.raises(StoppedError):
            wait()


def test_a_signal_before_the_wait_breaks_it_off(monkeypatch: pytest.MonkeyPatch):
    """The thread that hears may not have been told when the wait begins."""
    stop = Stop()
    stop.unsaved = True
    ask = stop.ask

    def late() -> None:
        time.sleep(0.2)
        ask()

    monkeypatch.setattr(stop, "ask", late)
    with listening(stop, Console(quiet=True)):
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(StoppedError), stop.waiting():
            time.sleep(60)


def test_an_error_of_who_reads_after_the_signal():
    """Ctrl-C reaches the processes that read, too."""
    stop = Stop()
    with pytest.raises(ValueError, match="a reader"), stop.waiting():
        raise ValueError("a reader")
    stop.ask()
    with pytest.raises(StoppedError), stop.waiting():
        raise AssertionError("not reached")
    assert list(Stop().each([1, 2])) == [1, 2]
