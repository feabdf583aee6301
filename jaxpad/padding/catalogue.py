"""The registry of padding modes, and what the modes that are no rule share."""

import functools
import inspect
import operator
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..registry import Registry
from ..typing import Array, PadMode
from .cells import sum_dtype as sum_dtype
from .names import HINTS
from .rules import rule_of


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
        super().__init__("padding mode", hints=HINTS)
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


def check_whole(mode: str, name: str, value: Any) -> None:
    """Raises unless an option is a whole number.

    Raises:
        TypeError: if it is not.
    """
    try:
        operator.index(value)
    except TypeError as e:
        raise TypeError(
            f"{mode}({name}={value!r}): expected a whole number, such as {name}=2."
        ) from e


def as_number(mode: str, name: str, value: Any) -> float:
    """Reads an option that is a number.

    Raises:
        TypeError: if it is none, or is only known when the program runs.
    """
    try:
        if isinstance(value, str):
            raise TypeError("a text")
        return float(value)
    except (TypeError, ValueError) as e:
        raise TypeError(
            f"{mode}({name}={value!r}): expected a number that is known while tracing, "
            f"such as {name}=1.0."
        ) from e


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
