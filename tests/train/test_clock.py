"""Times and the time left count training alone, and a restart remembers its speed."""

import io
import itertools
from typing import Any

import pytest
from rich.console import Console

from jaxpad.train import clock as clock_module
from jaxpad.train.clock import TRUSTED, Clock

from .tiny import tiny_job


class Time:
    """A clock that a test moves."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock_module, "time", time)
    return time


def make(start: int = 0, before: float = 0.0) -> Clock:
    console = Console(file=io.StringIO(), soft_wrap=True)
    return Clock(tiny_job(), start, before, console)


def steps(clock: Clock, hand: Time, numbers: range, seconds: float) -> dict[str, float]:
    row = {}
    for number in numbers:
        hand.now += seconds
        row = clock.tick(number, 0.5)
    return row


def test_compiling_testing_and_saving_are_no_training(hand: Time):
    clock = make()
    with clock.compiling(True, "the training step"):
        hand.now += 100
    row = steps(clock, hand, range(1, 4), 2)
    assert row["train_seconds"] == 4  # the first is the compiler's
    hand.now += 1  # the next step has begun
    with clock.paused():
        hand.now += 50
    row = steps(clock, hand, range(4, 5), 1)
    assert row["train_seconds"] == 6
    assert row["images_per_second"] == 128 * 3 / 6
    assert clock.left() == (22 - 4) * 2


def test_a_wall_clock_that_jumps_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    hours = itertools.count(10**9, -3600)
    monkeypatch.setattr("time.time", lambda: float(next(hours)))
    clock = make()
    *_, row = [clock.tick(step, 0.5) for step in range(1, 5)]
    assert 0 <= row["train_seconds"] < 60
    assert row["images_per_second"] > 0


def test_share_of_waiting(hand: Time):
    clock = make()
    with clock.waiting():
        hand.now += 30  # before the first step
    clock.tick(1, 0.5)
    with clock.waiting():
        hand.now += 1
    assert steps(clock, hand, range(2, 3), 3)["data_wait"] == 0.25


def test_time_left_after_a_restart_is_known_at_once(hand: Time):
    assert make().left() is None
    clock = make(start=10, before=30.0)
    assert clock.left() == 12 * 3.0
    assert clock.status().parts == ["36 s left"]
    steps(clock, hand, range(11, 11 + TRUSTED), 1)
    assert clock.left() == 2 * 3.0
    steps(clock, hand, range(11 + TRUSTED, 22), 1)
    assert clock.left() == 1 * 1.0


def test_status_of_a_step(hand: Time):
    clock = make()
    steps(clock, hand, range(1, 12), 0.5)
    head, parts, done, total = clock.status()
    assert head == "epoch 1 of 2"
    assert parts == ["6 s left", "loss 0.500", "256 images/s", "data wait 0%"]
    assert (done, total) == (11, 22)


def test_evaluation_has_its_own_progress(hand: Time):
    clock, seen = make(), []
    for _ in clock.evaluating(iter([{}, {}, {}])):
        hand.now += 7
        seen.append(clock.status())
    assert [(s.head, s.done, s.total) for s in seen] == [
        ("still compiling the test, 7 s", 0, None),
        ("testing", 1, 3),
        ("testing", 2, 3),
    ]
    assert seen[-1].parts == ["batch 2 of 3"]
    assert clock.status().head == "epoch 0 of 2"


def test_line_of_an_evaluation():
    clock = make(start=11, before=11.0)
    clock.show(11, {"loss": 0.25, "accuracy": 0.9})
    clock.show(22, {"loss": float("nan"), "accuracy": 0.1})
    file: Any = clock.screen._console.file
    first, second = file.getvalue().splitlines()
    assert first == "epoch 1 of 2: test accuracy 90.0%, loss 0.250, 11 s left"
    assert "the training has diverged: try a lower config.learning_rate" in second
