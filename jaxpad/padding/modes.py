"""The padding modes: what is in a cell beyond the border.

Each is one line of integer arithmetic: padding cell `i` of an axis of `n` cells
(`i < 0` or `i >= n`) copies the real cell that the line names, or is a constant.
The drawing is the axis `abcd` with three cells added on each side. To add a mode,
write such a function here or in your own code: see `docs/own_mode.md`.
"""

from .catalogue import MODES as MODES, as_number
from .rules import affine, source


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
    return [], as_number("constant", "value", value)


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
