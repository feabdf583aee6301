"""What a run shows while it runs: one living line, or plain lines now and then."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text


SECONDS = 30.0  # at least, between plain lines
BAR = 6  # columns of the shortest bar


class Status(NamedTuple):
    """What a run is doing.

    Attributes:
        head: in words.
        parts: more, what matters most first.
        done: how far it is ...
        total: ... of how much; None where nobody knows.
    """

    head: str
    parts: Sequence[str] = ()
    done: float = 0
    total: float | None = None


class Screen:
    """A console whose last line says what a run is doing.

    On a terminal the line changes in its place. Elsewhere a line is written when
    nothing else was said for `SECONDS`, whatever the run is busy with.

    Args:
        console: where it is shown.
        status: what the run is doing now.
    """

    def __init__(self, console: Console, status: Callable[[], Status]):
        self.living = console.is_interactive
        self._console, self._status = console, status
        self._said = time.monotonic()

    def say(self, line: str) -> None:
        """Writes a line that stays."""
        self._said = time.monotonic()
        self._console.print(line, highlight=False, markup=False)

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the status, in a thread, until the end."""
        if self.living:
            with Live(
                get_renderable=lambda: drawn(self._status(), self._console),
                console=self._console,
                transient=True,
            ):
                yield
            return
        stop = threading.Event()
        thread = threading.Thread(target=self._repeat, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _repeat(self, stop: threading.Event) -> None:
        while not stop.wait(max(0.0, self._said + SECONDS - time.monotonic())):
            # Something may have been said in the meantime.
            if time.monotonic() >= self._said + SECONDS:
                head, parts, *_ = self._status()
                self.say(", ".join([head, *parts]))


def drawn(status: Status, console: Console) -> RenderableType:
    """A status as one line that fits the console: head, bar and parts, or a spinner."""
    room = console.width - len(status.head) - 1
    if status.total is None:
        frames = "|/-\\" if console.options.ascii_only else "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        spinner = frames[int(time.monotonic() * 8) % len(frames)]
        text = Text(f"{spinner} {status.head}", no_wrap=True, overflow="ellipsis")
        return Group(text)
    text = fit(status.parts, room - BAR - 1)
    width = max(1, min(40, room - len(text) - bool(text)))
    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=status.total, completed=status.done, width=width)
    cells = [Text(status.head, no_wrap=True), bar, Text(text, no_wrap=True)]
    row.add_row(*cells[: 3 if text else 2])
    return row


def fit(parts: Sequence[str], width: int) -> str:
    """The first parts that fit side by side.

    Example:
        >>> fit(["12 min left", "loss 0.123", "9 images/s"], 24)
        '12 min left, loss 0.123'
        >>> fit(["12 min left"], 5)
        ''
    """
    line = ""
    for part in parts:
        longer = f"{line}, {part}" if line else part
        if len(longer) > width:
            break
        line = longer
    return line
