"""Names of modes in messages, and what to write for a name that is not ours."""

import functools
import numbers
from typing import Any

from ..arith import AMOUNTS


# From a name that other libraries have, in lower case, to our mode; docs/amounts.md
# says whose it is. SciPy's "reflect" is our symmetric, but that name is one of ours.
ELSEWHERE = {
    "wrap": "circular",
    "grid-wrap": "circular",
    "periodic": "circular",
    "border_wrap": "circular",
    "mirror": "reflect",
    "reflect_101": "reflect",
    "border_reflect_101": "reflect",
    "border_reflect101": "reflect",
    "grid-mirror": "symmetric",
    "border_reflect": "symmetric",
    "edge": "replicate",
    "nearest": "replicate",
    "clamp": "replicate",
    "border_replicate": "replicate",
    "zeros": "zero",
    "grid-constant": "constant",
    "border_constant": "constant",
}

HINTS = {
    **{name: f"Did you mean {ours!r}?" for name, ours in ELSEWHERE.items()},
    **{
        name: f"It is an amount, not a mode: write amount={quoted}, or "
        f"Padding(amount={quoted})."
        for name in AMOUNTS
        for quoted in [f'"{name}"']
    },
    **{
        name: "It is a padding of layers and convolutions, not a mode: write "
        f'padding="{name}", or with modes Padding(("zero", "circular"), '
        f'reweight="{name}").'
        for name in ("partial", "partial_sqrt")
    },
}


def mode_name(mode: Any) -> str:
    """A mode as one would write it, where a module or a function would fill lines.

    Example:
        >>> mode_name(("reflect", functools.partial(max, value=1.0)))
        '(reflect, max(value=1.0))'
    """
    if isinstance(mode, str):
        return mode
    if isinstance(mode, tuple):
        return f"({', '.join(map(mode_name, mode))})"
    if isinstance(mode, functools.partial):
        options = ", ".join(f"{k}={v!r}" for k, v in mode.keywords.items())
        return f"{mode_name(mode.func)}({options})"
    return getattr(mode, "__name__", type(mode).__name__)


def refuse_cells(mode: Any) -> None:
    """Raises for numbers of cells, which flax and PyTorch take as a padding.

    Raises:
        TypeError: if there is a number in it.
    """
    axes = mode if isinstance(mode, (tuple, list)) else (mode,)
    pairs = tuple(tuple(m) if isinstance(m, (tuple, list)) else (m, m) for m in axes)
    if any(isinstance(cell, numbers.Integral) for pair in pairs for cell in pair):
        amount = pairs if isinstance(mode, (tuple, list)) else mode
        raise TypeError(
            f"padding {mode!r} is a number of cells, which is an amount: write "
            f'amount={amount!r}, and padding="zero" or another mode.'
        )
