"""What a packer of your own has to take and to return, checked in words."""

import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .patterns import Patterns, histogram_of


def check_takes_limit(packer: Callable[..., Any], who: str) -> None:
    """Raises unless the function takes `max_per_row` by keyword.

    Raises:
        TypeError: if it does not.
    """
    try:
        signature = inspect.signature(packer)
    except ValueError:  # some built-in types do not tell; the call will
        return
    try:
        signature.bind_partial(max_per_row=None)
    except TypeError:
        raise TypeError(
            f"{who} takes {signature}, but max_per_row is given by keyword: add "
            "*, max_per_row=None, which is None where any number may share a row."
        ) from None


def as_patterns(made: Any, who: str) -> tuple[Patterns, int]:
    """Patterns of Python's ints, without those of no row, and the rows proved, or 0.

    Args:
        made: what a function under `by_histogram` returned.
        who: it is from, for the error.

    Raises:
        TypeError: if it is no mapping, nor a pair of one and a number, or holds what
            is no whole number.
        ValueError: for rows below 0, or a row that holds nothing or a length below 1.
    """
    pair = isinstance(made, tuple) and len(made) == 2
    patterns, proved = made if pair else (made, 0)
    if not isinstance(patterns, Mapping):
        raise TypeError(
            f"{who} returned a {type(patterns).__name__}: expected how many rows hold "
            "which lengths, as {(384, 128): 2}, or a pair of that and a number of rows "
            "that are proved to be needed."
        )
    read = dict(_entry(held, rows, who) for held, rows in patterns.items())
    try:
        proved = operator.index(proved)
    except TypeError:
        raise TypeError(
            f"{who} returned {proved!r} as the rows that are needed: expected an int."
        ) from None
    return {held: rows for held, rows in read.items() if rows}, proved


def _entry(held: Any, rows: Any, who: str) -> tuple[tuple[int, ...], int]:
    try:
        lengths, count = tuple(map(operator.index, held)), operator.index(rows)
    except TypeError:
        raise TypeError(
            f"{who} returned {{{held!r}: {rows!r}}}: expected whole numbers, from the "
            "lengths in a row to how many such rows there are, as {(384, 128): 2}. "
            "Divide by //, not by /."
        ) from None
    if count < 0:
        raise ValueError(
            f"{who} returned {{{lengths}: {count}}}: a number of rows is at least 0."
        )
    if count and min(lengths, default=0) < 1:
        raise ValueError(
            f"{who} returned {{{lengths}: {count}}}: a row holds at least one "
            "sequence, and a length is at least 1."
        )
    return lengths, count


def check_patterns(
    patterns: Patterns,
    histogram: np.ndarray,
    capacity: int,
    max_per_row: int | None,
    who: str,
) -> None:
    """Raises unless the patterns fit their rows and hold each sequence once.

    Raises:
        ValueError: if they do not.
    """
    full, many = max(patterns, key=sum, default=()), max(patterns, key=len, default=())
    if sum(full) > capacity:
        raise ValueError(
            f"{who} puts the lengths {full} into one row, {sum(full)} cells, but "
            f"capacity={capacity}."
        )
    if max_per_row is not None and len(many) > max_per_row:
        raise ValueError(
            f"{who} puts {len(many)} sequences into one row, the lengths {many}, but "
            f"max_per_row={max_per_row}."
        )
    held = histogram_of(patterns, capacity)
    if (held != histogram).any():
        at = int(np.flatnonzero(held != histogram)[0])
        raise ValueError(
            f"{who} has {held[at]} sequences of length {at} in its patterns, but there "
            f"are {histogram[at]}: expected each sequence once."
        )
