"""`Padding`: what a name in a config stands for."""

import dataclasses
from collections.abc import Callable
from typing import Any

from ..arith import AMOUNTS, explicit_widths, side_widths
from ..registry import Registry, parse_call
from ..typing import Amount, Mode
from ..untrusted import literal
from .modes import MODES
from .names import ELSEWHERE, HINTS, refuse_cells
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
        modes = self.mode if isinstance(self.mode, tuple) else (self.mode,)
        per_axis_modes(self.mode, len(modes))
        if isinstance(self.amount, str):
            per_axis_amounts(self.amount, 1)
        elif self.amount is not None:
            # As tuples, whatever came: a layer's attributes must be hashable.
            object.__setattr__(self, "amount", _as_tuples(self.amount))
        if self.reweight is not None:
            REWEIGHTS.resolve(self.reweight)


def _as_tuples(amount: Any) -> Amount:
    if isinstance(amount, (tuple, list)) and any(
        isinstance(pair, (tuple, list)) for pair in amount
    ):
        return tuple(per_axis_widths(amount, len(amount)))
    lo, hi = explicit_widths(amount)  # pyright: ignore[reportArgumentType]
    return lo if lo == hi else (lo, hi)


def per_axis_amounts(amount: Any, rank: int) -> list[Any]:
    """The amount along each of `rank` axes.

    Raises:
        ValueError: for an unknown name, a wrong number of pairs or a negative width.
        TypeError: if a width is no whole number.
    """
    if not isinstance(amount, str):
        return list(per_axis_widths(amount, rank))
    mode = ELSEWHERE.get(amount.lower(), amount.lower())
    if amount.lower() not in AMOUNTS and mode in PADDINGS:
        raise ValueError(
            f"amount={amount!r} says what fills the cells, not how many there are: "
            f'write padding="{mode}", and as amount an int, (lo, hi), or one of '
            f"{', '.join(map(repr, AMOUNTS))}."
        )
    side_widths(amount, 1, 1)  # raises for a name that is none
    return [amount] * rank


PADDINGS: Registry[Padding] = Registry("padding", base=MODES, wrap=Padding, hints=HINTS)
PADDINGS.register(Padding(reweight="partial"), name="partial")
PADDINGS.register(Padding(reweight="partial_sqrt"), name="partial_sqrt")
PADDINGS.register(Padding(amount="valid"), name="valid")
# Each tap of the kernel sees each cell: the F-Conv of "On Translation Invariance in
# CNNs" (Kayhan and van Gemert, 2020).
PADDINGS.register(Padding(amount="full"), name="full")


def as_padding(spec: Any) -> Padding:
    """Reads a padding, in any of the ways in which code or a config names one.

    Args:
        spec: a `Padding`; a mode as in `jaxpad.pad`; or as a string a name in
            `PADDINGS`, a mode with options "constant(value=1.0)", a mode per axis
            "('reflect', 'circular')", a record "Padding(mode='reflect', amount=1)",
            or "package.module:attribute" of a mode or a `Padding`.

    Returns:
        A `Padding`.

    Raises:
        ValueError: for an unknown name.
        TypeError: if `spec` is nothing of the kind.

    Example:
        >>> as_padding("partial")
        Padding(mode='zero', amount=None, reweight='partial')
        >>> as_padding("Padding(mode='reflect', amount='same')")
        Padding(mode='reflect', amount='same', reweight=None)
        >>> as_padding("('reflect', 'circular')").mode
        ('reflect', 'circular')
    """
    if isinstance(spec, Padding):
        return spec
    if isinstance(spec, str):
        return _from_text(spec)
    if isinstance(spec, tuple) or callable(spec):
        return Padding(mode=spec)  # pyright: ignore[reportArgumentType]
    refuse_cells(spec)
    raise TypeError(
        f'padding={spec!r}: expected a name such as "reflect", a mode, or a Padding; '
        "modes per axis are a tuple."
    )


def _modes(spec: str) -> Any:
    try:
        return literal(spec)
    except ValueError as error:
        raise ValueError(
            f"cannot read padding {spec!r}: write a mode per axis with the names in "
            "quotes, \"('reflect', 'circular')\"."
        ) from error


def _from_text(spec: str) -> Padding:
    if spec.startswith("("):
        return Padding(mode=_modes(spec))
    name, options = parse_call(spec, "padding")
    if name == "Padding":
        return Padding(**options)
    if ":" in name:
        found = PADDINGS.resolve(spec)
        return found if isinstance(found, Padding) else Padding(mode=spec)
    if name not in PADDINGS:
        PADDINGS.resolve(name)  # raises, with the names of both registries
    return Padding(mode=spec) if options else PADDINGS[name]
