"""The registry of packers, and how one is defined.

A packer says in which row of a batch each sequence goes. It sees lengths and never
data. Most see less, how many sequences of each length there are, and say which
lengths share a row: of such a function `by_histogram` makes a packer. What takes the
sequences one by one, in the order in which they come, is a function of the lengths.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Integer

from ..registry import Registry
from ..typing import AnyArray
from .patterns import Patterns, rows_of
from .promises import as_patterns, check_patterns, check_takes_limit


# Number i is of the sequence i. `np.bincount` of lengths is a histogram: number i
# counts the sequences of length i.
Lengths = Sequence[Any] | AnyArray
Histogram = Sequence[Any] | AnyArray
Rows = Integer[np.ndarray, " n"]


@runtime_checkable
class Packer(Protocol):
    """Says in which row each sequence goes: rows 0 to R - 1, and none empty."""

    def __call__(
        self, lengths: Any, capacity: int, /, *, max_per_row: int | None = None
    ) -> Any: ...


class HistogramPacker:
    """A packer by a function of how many sequences of each length there are.

    Attributes:
        patterns: `(histogram, capacity, *, max_per_row, **options)` to the `Patterns`,
            or to a pair of them and a number of rows that it has proved to be needed.
    """

    def __init__(self, patterns: Callable[..., Any]):
        check_takes_limit(patterns, f"packer {patterns.__name__!r}")
        self.patterns = patterns
        # The user's function gives the name, the text and the options.
        self.__name__ = patterns.__name__
        functools.update_wrapper(self, patterns)

    def __repr__(self) -> str:
        return f"<packer {self.__name__}>"

    def __call__(
        self,
        lengths: Any,
        capacity: int,
        *,
        max_per_row: int | None = None,
        **options: Any,
    ) -> np.ndarray:
        lengths = np.asarray(lengths)
        histogram = np.bincount(lengths, minlength=capacity + 1)
        patterns, _ = self.plan(histogram, capacity, max_per_row, **options)
        return rows_of(patterns, lengths)

    def plan(
        self,
        histogram: np.ndarray,
        capacity: int,
        max_per_row: int | None = None,
        **options: Any,
    ) -> tuple[Patterns, int]:
        """The patterns, checked, and the rows that are proved to be needed, or 0."""
        made = self.patterns(histogram, capacity, max_per_row=max_per_row, **options)
        who = f"packer {self.__name__!r}"
        patterns, bound = as_patterns(made, who)
        check_patterns(patterns, histogram, capacity, max_per_row, who)
        return patterns, bound


def by_histogram(patterns: Callable[..., Any]) -> HistogramPacker:
    """A packer for which sequences of one length are all the same.

    Its cost need not depend on the number of sequences, and `jaxpad.batching.plan`
    asks it without having any.

    Args:
        patterns: from `(histogram, capacity, *, max_per_row)`, and options of its own
            by keyword, to how many rows hold which lengths, as `{(384, 128): 2}`.
            `histogram` has `capacity + 1` numbers, the i-th of length i, and
            `max_per_row` is None where any number of sequences may share a row.

    Returns:
        A packer.

    Raises:
        TypeError: for a function that takes no `max_per_row`.

    Example:
        >>> @by_histogram
        ... def pairs(histogram, capacity, *, max_per_row=None):
        ...     half = capacity // 2
        ...     return {(half, half): histogram[half] // 2}
        >>> pairs([2, 2, 2, 2], 4)
        array([0, 1, 0, 1])
    """
    return HistogramPacker(patterns)


def plan_of(packer: Any) -> Callable[..., tuple[Patterns, int]] | None:
    """`HistogramPacker.plan` of one, or of a partial of one; None for any other."""
    options: dict[str, Any] = {}
    while isinstance(packer, functools.partial):
        packer, options = packer.func, {**packer.keywords, **options}
    if not isinstance(packer, HistogramPacker):
        return None
    return functools.partial(packer.plan, **options)


HINTS = {
    "ffd": "Did you mean 'first_fit_decreasing'?",
    "bfd": "Did you mean 'best_fit_decreasing'?",
    "none": "Did you mean 'one_per_row'?",
    "greedy": "Did you mean 'next_fit'?",
}

PACKERS: Registry[Packer] = Registry("packer", hints=HINTS)
