"""A headless Chromium, spoken to through its debugging pipe; nothing else is needed."""

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any


NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"),
    *("--disable-background-networking", "--disable-dev-shm-usage", "--no-first-run"),
)
LOOK = """({
  width: document.documentElement.clientWidth,
  scrolled: document.documentElement.scrollWidth,
  images: document.images.length,
  blank: [...document.images].filter(i => !(i.complete && i.naturalWidth)).length,
  small: [...document.querySelectorAll("p, li, td, th, figcaption")]
    .filter(e => e.checkVisibility() && parseFloat(getComputedStyle(e).fontSize) < 11)
    .length,
})"""


def find_browser() -> str | None:
    """The path of a Chromium: in JAXPAD_CHROMIUM, or by one of its names."""
    named = os.environ.get("JAXPAD_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


# A Chromium that is started so reads commands from 3, and writes answers to 4; the
# copies above 9 are for ends of pipes that are 3 or 4 themselves.
START = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One tab of a running Chromium."""

    def __init__(self, send: int, receive: int):
        self.send, self.receive = os.fdopen(send, "wb"), os.fdopen(receive, "rb")
        self.numbers, self.events = itertools.count(1), []
        self.session: dict[str, str] = {}
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=page, flatten=True)
        self.session = {"sessionId": found["sessionId"]}
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Calls a method of the protocol; events that come meanwhile are kept."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params} | self.session
        self.send.write(json.dumps(message).encode() + b"\0")
        self.send.flush()
        while (answer := self._next()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, path: pathlib.Path, width: int) -> dict[str, Any]:
        """What a page looks like at a width: sizes, requests, errors, images."""
        self.events = []
        size = {"width": width, "height": 900, "deviceScaleFactor": 1}
        self.call("Emulation.setDeviceMetricsOverride", mobile=width < 600, **size)
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            self.events.append(self._next())
        self.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        self.run("Promise.all([...document.images].map(i => i.decode()))")
        return self.run(LOOK) | {
            "requests": self._requests(),
            "errors": self._errors(),
        }

    def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        options = {"returnByValue": True, "awaitPromise": True}
        return self.call("Runtime.evaluate", expression=script, **options)[
            "result"
        ].get("value")

    def picture(self) -> str:
        """The whole page as a PNG, in base64."""
        return self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]

    def _next(self) -> dict[str, Any]:
        text = bytearray()
        while (letter := self.receive.read(1)) != b"\0":
            assert letter, "the browser ended"
            text += letter
        return json.loads(text)

    def _requests(self) -> list[str]:
        """All but those for data on the page itself."""
        sent = [e for e in self.events if e["method"] == "Network.requestWillBeSent"]
        urls = [event["params"]["request"]["url"] for event in sent]
        return [url for url in urls if not url.startswith("data:")]

    def _errors(self) -> list[Any]:
        bad = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event["params"] for event in self.events if event["method"] in bad]


@contextlib.contextmanager
def running(path: str, profile: pathlib.Path) -> Iterator[Browser]:
    """A browser that ends with the body."""
    (theirs_in, send), (receive, theirs_out) = os.pipe(), os.pipe()
    ends = str(theirs_in), str(theirs_out)
    flags = [*FLAGS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", START, *ends, path, *flags],
        pass_fds=(theirs_in, theirs_out),
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    browser = None
    try:
        browser = Browser(send, receive)
        yield browser
    finally:
        process.kill()
        process.wait()
        if browser:
            with contextlib.suppress(BrokenPipeError):
                browser.send.close()
            browser.receive.close()
