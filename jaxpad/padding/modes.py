"""The padding modes: what is in a cell beyond the border.

Each is one line of integer arithmetic: padding cell `i` of an axis of `n` cells
(`i < 0` or `i >= n`) copies the real cell that the line names, or is a constant.
The drawing is the axis `abcd` with three cells added on each side. To add a mode,
write such a function here or in your own code: see `docs/own_mode.md`.
"""

from collections.abc import Sequence
from typing import Any

from ..registry import Registry
from ..typing import PadMode
from .rules import affine, rule_of, source


# What a mode may promise; the tests hold each mode to what it claims.
LAWS = {
    "interior": "the real cells are unchanged",
    "identity": "widths of zero change nothing",
    "flip": "padding a flipped axis is flipping the padded one",
    "axes": "swapping two axes before or after is the same",
    "affine": "a weighted mean of images has the weighted mean of their paddings",
    "transforms": "eager, jit and vmap give the same",
    "dtype": "the dtype stays",
}


class Modes(Registry[PadMode]):
    """The registry of padding modes, and the laws that each of them claims."""

    def __init__(self):
        super().__init__("padding mode")
        self.laws: dict[str, tuple[str, ...]] = {}

    def register(
        self,
        entry: Any = None,
        /,
        *,
        name: str | None = None,
        laws: Sequence[str] | None = None,
    ) -> Any:
        """Adds a mode; a rule (`source`, `affine`) claims all laws, others name theirs.

        Raises:
            ValueError: if the name is taken, or for a law that is not in `LAWS`.
        """
        if entry is None:
            return lambda entry: self.register(entry, name=name, laws=laws)
        if laws is None:
            laws = tuple(LAWS) if rule_of(entry) is not None else ()
        if unknown := set(laws) - set(LAWS):
            raise ValueError(f"unknown laws {sorted(unknown)}; there are {list(LAWS)}.")
        super().register(entry, name=name)
        self.laws[str(name or entry.__name__)] = tuple(laws)
        return entry


MODES = Modes()


@MODES.register
@affine
def zero(i, n):
    """000|abcd|000

    The usual choice, and the cheapest. Right where the world beyond the image is
    empty; elsewhere it draws an edge that the network can see.
    """
    return [], 0.0


@MODES.register
@affine
def constant(i, n, *, value=0.0):
    """vvv|abcd|vvv

    Right where the background has a known value that is not zero.
    """
    return [], value


@MODES.register
@source
def circular(i, n):
    """bcd|abcd|abc

    Right for angles, longitudes, tori and periodic simulations. Takes any width.
    Also called wrap (NumPy), grid-wrap (SciPy).
    """
    return i % n


@MODES.register
@source
def reflect(i, n):
    """dcb|abcd|cba

    Mirrors about the outermost cell, which is not repeated: smooth textures go on
    smoothly. At most n - 1 wide. Also called mirror (SciPy).
    """
    return -i if i < 0 else 2 * (n - 1) - i


@MODES.register
@source
def symmetric(i, n):
    """cba|abcd|dcb

    Mirrors about the edge of the outermost cell, which is repeated: the boundary
    condition of the cosine transform. At most n wide. Also called reflect (SciPy).
    """
    return -1 - i if i < 0 else 2 * n - 1 - i


@MODES.register
@source
def replicate(i, n):
    """aaa|abcd|ddd

    Repeats the outermost cell: the boundary condition of zero flux. Takes any
    width. Also called edge (NumPy), nearest (SciPy), clamp.
    """
    return 0 if i < 0 else n - 1
