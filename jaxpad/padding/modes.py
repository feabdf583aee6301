"""The padding modes: what is in a cell beyond the border.

Each is one line of integer arithmetic: padding cell `i` of an axis of `n` cells
(`i < 0` or `i >= n`) copies the real cell that the line names, or is a constant.
The drawing is the axis `abcd` with three cells added on each side. To add a mode,
write such a function here or in your own code: see `docs/own_mode.md`.
"""

import functools
import inspect
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..registry import Registry
from ..typing import Array, PadMode
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

    def breaks(self, mode: Any, law: str) -> bool:
        """Whether a mode is registered, and without that law."""
        while isinstance(mode, functools.partial):
            mode = mode.func
        names = [name for name, entry in self._entries.items() if entry is mode]
        return any(law not in self.laws[name] for name in names)


def missing_arguments(mode: Any) -> list[str]:
    """The arrays that a mode must be given before it can be called."""
    try:
        parameters = inspect.signature(mode).parameters.values()
    except ValueError:  # some built-in types do not tell; the call will
        return []
    return [
        p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty
    ]


def check_float(mode: str, x: Array) -> None:
    """Raises unless `x` holds floating-point numbers.

    Raises:
        ValueError: if it does not.
    """
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        raise ValueError(
            f"{mode} fills cells with fractions, which an array of {x.dtype} cannot "
            "hold; convert it first, for example with x.astype(jnp.float32)."
        )


def widened(x: Array) -> Array:
    """`x` in float32, or in its own type if that is wider."""
    return x.astype(x.dtype if x.dtype.itemsize >= 4 else jnp.float32)


def check_channels(mode: str, widths: Sequence[tuple[int, int]]) -> None:
    """Raises if the last axis, which holds the channels, is padded.

    Raises:
        ValueError: if it is.
    """
    if any(widths[-1]):
        raise ValueError(
            f"{mode} takes the last axis as channels, but it is padded by "
            f"{tuple(widths[-1])}: name the space axes, as in "
            f"jaxpad.pad(x, 1, {mode!r}, axes=(1, 2))."
        )


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
