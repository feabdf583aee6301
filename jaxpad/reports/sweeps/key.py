"""How arms are told apart: by colour, by marker and by dashes, alike in all pictures.

The colours are those of Okabe and Ito ("Color universal design", 2008), which people
with any colour vision tell apart, but for yellow, which is too pale on white.
"""

from collections.abc import Sequence
from typing import NamedTuple


COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
BASELINE = "#000000"
# As matplotlib calls a marker, and the letter that looks like it.
MARKERS = (("s", "■"), ("^", "▲"), ("D", "◆"), ("v", "▼"), ("P", "✚"), ("X", "✖"))
DASHES = ("-", "--", "-.", ":")
LONGEST = 44  # letters of a name in a picture


class Look(NamedTuple):
    """How an arm is drawn: its colour, marker, the marker as a letter, and dashes."""

    colour: str
    marker: str
    letter: str
    dashes: str


def looks(arms: Sequence[str], baseline: str) -> dict[str, Look]:
    """A look for each arm; the baseline is a black line with circles.

    Args:
        arms: their names.
        baseline: one of them.

    Example:
        >>> looks(["zero", "partial"], "zero")["partial"]
        Look(colour='#0072b2', marker='s', letter='■', dashes='-')
    """
    found = {baseline: Look(BASELINE, "o", "●", "-")}
    for number, arm in enumerate(arm for arm in arms if arm != baseline):
        lap = number // len(COLOURS)
        colour = COLOURS[number % len(COLOURS)]
        # From lap to lap a colour gets other markers, and other dashes.
        marker = MARKERS[(number + lap) % len(MARKERS)]
        found[arm] = Look(colour, *marker, DASHES[lap % len(DASHES)])
    return {arm: found[arm] for arm in arms}


def shorten(name: str) -> str:
    """An arm's name in a picture.

    Example:
        >>> shorten("padding=zero")
        'padding=zero'
    """
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
