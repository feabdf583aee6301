"""The law of whatever reads what someone else may have written, and what holds it.

For any input it returns, or raises the error that it documents, whose message says what
came. It raises nothing else, imports nothing, writes nothing, starts nothing, and ends.
"""

import atexit
import collections
import contextlib
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import hypothesis
import jaxtyping
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import SearchStrategy

from jaxpad.data.resize import fast_libraries


SECONDS = 30  # that a case may take; the slowest takes a hundredth

# What an audit hook of Python is told of. Opening counts where it is for writing.
FORBIDDEN = (
    *("import", "pickle.", "ctypes.", "socket.", "subprocess."),
    *("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.putenv"),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink"),
    *("os.chmod", "os.chown", "os.truncate", "shutil."),
)
# Under pytest, what checks annotations makes its wrappers from text.
EVALUATING = "beartype" not in sys.modules
WRITING = 0o3 | 0o100 | 0o1000  # O_WRONLY or O_RDWR, O_CREAT, O_TRUNC
# Parts of libraries that are imported when they are first needed.
OWN_PARTS = ("PIL.", "encodings.", "tensorflow_datasets.core.features.", "tensorflow")

# Where cases that are files are written, before they are read.
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="jaxpad-fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
OUTCOMES: collections.Counter[str] = collections.Counter()  # and of cases

_broken: list[str] | None = None  # what a running case did; None between cases


class Target(NamedTuple):
    """What is fuzzed.

    Attributes:
        name: in words.
        cases: so many in CI.
        inputs: what comes.
        check: raises where the law does not hold.
    """

    name: str
    cases: int
    inputs: SearchStrategy[Any]
    check: Callable[[Any], None]


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _broken is None:
        return
    if event == "open":
        broken = isinstance(args[2], int) and bool(args[2] & WRITING)
    elif event == "exec":
        # Text; of a module, the import is judged, and a config's file is a program.
        broken = EVALUATING and args[0].co_filename in ("<string>", "<unknown>")
    elif event == "import":
        broken = not str(args[0]).startswith(OWN_PARTS)
    else:
        broken = event.startswith(FORBIDDEN)
    if broken:
        _broken.append(f"{event} {args!r:.80}")


sys.addaudithook(_hook)


def _hangs(*_: Any) -> None:
    raise AssertionError(f"it has not ended within {SECONDS} s")


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Raises if what runs inside imports, writes or starts anything, or hangs."""
    global _broken
    fast_libraries()  # imported when the first image is read
    before = signal.signal(signal.SIGALRM, _hangs)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    _broken = broken = []
    try:
        yield
    finally:
        _broken = None
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not broken, broken[:3]


def told(
    call: Callable[[], Any],
    says: Callable[[str], bool],
    errors: tuple[type[Exception], ...] = (ValueError,),
) -> Any:
    """What a call returns; None if it raised one of its errors.

    Args:
        call: that obeys the law.
        says: whether an error's message says what came.
        errors: that it documents.
    """
    with watched():
        try:
            found = call()
            OUTCOMES["accepted"] += 1
            return found
        except errors as error:
            text = str(error)
    OUTCOMES["refused"] += 1
    assert len(text) > 20, f"who can act on {text!r}?"
    assert says(text), f"{text!r} does not say what came"
    return None


def run(target: Target, cases: int, seed: int) -> None:
    """Runs so many cases of a target; `OUTCOMES` counts them.

    Args:
        target: whose law is tried.
        cases: at most.
        seed: of the inputs; the same seed makes the same ones.

    Raises:
        AssertionError: or whatever else broke the law, with the smallest such input.
    """

    @hypothesis.settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @hypothesis.seed(seed)
    @hypothesis.given(target.inputs)
    def law(value: Any) -> None:
        OUTCOMES["cases"] += 1
        hypothesis.note(f"what came: {value!r:.2000}")
        target.check(value)

    checked = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)  # as for users
    state = random.getstate()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            law()
    finally:
        random.setstate(state)
        jaxtyping.config.update("jaxtyping_disable", checked)
