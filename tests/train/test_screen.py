"""The progress fits any terminal, and elsewhere comes as a line now and then."""

import io
import itertools
import time

import pytest
from rich.console import Console

from jaxpad.train import screen as screen_module
from jaxpad.train.screen import Screen, Status, drawn


STATUS = Status(
    "epoch 12/90",
    ["12 min left", "loss 0.123", "12,345 images/s", "data wait 3%"],
    4000,
    30_000,
)


def text_of(status: Status, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(drawn(status, console))
    return console.file.getvalue().removesuffix("\n")  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("width", [15, 20, 40, 60, 80, 200])
@pytest.mark.parametrize("status", [STATUS, Status("compiling the training step, 9 s")])
def test_one_line_that_fits(status: Status, width: int):
    line = text_of(status, width)
    assert "\n" not in line
    assert len(line.rstrip()) <= width


def test_what_matters_most_is_shown_longest():
    shown = {width: text_of(STATUS, width) for width in (120, 80, 60, 40, 20)}
    for part, least in zip(STATUS.parts, (40, 60, 60, 80), strict=True):
        for width, line in shown.items():
            assert (part in line) == (width >= least), (part, width)
    assert all(STATUS.head in line for line in shown.values())


def test_plain_lines_come_while_the_run_is_busy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(screen_module, "SECONDS", 0.4)
    begin = time.monotonic()
    console = Console(file=io.StringIO(), width=80)
    screen = Screen(
        console,
        lambda: Status(f"still compiling, {time.monotonic() - begin:.1f} s", ["a"]),
    )
    with screen.shown():
        time.sleep(1.0)  # as a compiler would
        for _ in range(10):  # whoever says something else needs no line
            screen.say("said")
            time.sleep(0.05)
        stopped = time.monotonic() - begin
    time.sleep(0.5)
    lines = console.file.getvalue().splitlines()  # pyright: ignore[reportAttributeAccessIssue]
    still = [float(line.split()[2]) for line in lines if line != "said"]
    assert 1 <= len(still) <= stopped / 0.4
    assert all(b - a >= 0.35 for a, b in itertools.pairwise(still))
    assert lines[0].endswith(" s, a")
    first = lines.index("said")
    assert lines[first : first + 10] == ["said"] * 10


def test_terminal_gets_a_living_line_and_no_plain_ones(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(screen_module, "SECONDS", 0.05)
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), width=40, force_terminal=True)
    screen = Screen(console, lambda: Status("compiling"))
    with screen.shown():
        time.sleep(0.6)
        screen.say("done in 0.6 s")
    written = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    frames = {frame for frame in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if f"{frame} compiling" in written}
    assert len(frames) >= 2
    assert "done in 0.6 s" in written
    # At the end nothing of it is left: the line is erased.
    assert written.rstrip("\n").endswith("\x1b[2K")
