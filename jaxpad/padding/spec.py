"""`Padding`: what a name in a config stands for."""

import dataclasses
from collections.abc import Callable
from typing import Any

from ..arith import side_widths
from ..registry import Registry
from ..typing import Amount, Mode
from .modes import MODES
from .pad import per_axis_modes, per_axis_widths
from .partial import REWEIGHTS


@dataclasses.dataclass(frozen=True)
class Padding:
    """How a layer meets its border: what is there, how much, and how it counts.

    Attributes:
        mode: what is in the padding cells; as in `jaxpad.pad`.
        amount: how many cells are added; None leaves that to the layer.
        reweight: "partial", "partial_sqrt", a function of (count, window), or None:
            the factor for outputs whose window is not wholly there.

    Raises:
        ValueError: for an unknown name or a negative amount.

    Example:
        >>> Padding("reflect", amount="half")
        Padding(mode='reflect', amount='half', reweight=None)
    """

    mode: Mode = "zero"
    amount: Amount | None = None
    reweight: str | Callable[..., Any] | None = None

    def __post_init__(self):
        if self.mode == "valid":
            raise ValueError(
                'mode="valid" is an amount, not a mode: it adds no cells. Write '
                'Padding(amount="valid") or padding="valid".'
            )
        modes = self.mode if isinstance(self.mode, tuple) else (self.mode,)
        per_axis_modes(self.mode, len(modes))
        if isinstance(self.amount, str):
            side_widths(self.amount, 1, 1)
        elif self.amount is not None:
            per_axis_widths(self.amount, _length(self.amount))
        if self.reweight is not None:
            REWEIGHTS.resolve(self.reweight)


def _length(widths: Any) -> int:
    return len(widths) if isinstance(widths, (tuple, list)) else 1


PADDINGS: Registry[Padding] = Registry("padding", base=MODES, wrap=Padding)
PADDINGS.register(Padding(reweight="partial"), name="partial")
PADDINGS.register(Padding(reweight="partial_sqrt"), name="partial_sqrt")
PADDINGS.register(Padding(amount="valid"), name="valid")


def as_padding(spec: Any) -> Padding:
    """Reads a padding from a config: a name in `PADDINGS`, a mode, or a `Padding`.

    Args:
        spec: a `Padding`; a name in `PADDINGS`; or a mode as in `jaxpad.pad`.

    Returns:
        A `Padding`.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> as_padding("partial")
        Padding(mode='zero', amount=None, reweight='partial')
    """
    if isinstance(spec, Padding):
        return spec
    if isinstance(spec, str) and "(" not in spec and ":" not in spec:
        if spec not in PADDINGS:
            PADDINGS.resolve(spec)  # raises, with the names of both registries
        return PADDINGS[spec]
    return Padding(mode=spec)
